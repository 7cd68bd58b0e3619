# The common part of the script that starts and ends one server. Above stand, for each:
#   directory   of the server's data, log and process id
#   ready       what it writes into its log when it answers
#   stop_signal, end_signal   how it stops in order, and how at once
#   launch      becomes the server

pid_file=$directory/pid
log=$directory/log
closing=$directory/../closing

# A signal to the process group must not end this script between two steps.
trap : HUP INT TERM

pid() { cat "$pid_file" 2>/dev/null; }

exists() { [ -n "$1" ] && [ -d "/proc/$1" ]; }

# A zombie, which stays where nobody reaps orphans, runs no more.
runs() { exists "$1" && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }

children() { grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3; }

# Waits until a check succeeds, so many times a twentieth of a second.
wait_for() {
    tries=$1
    shift
    until "$@"; do
        [ "$tries" -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.05
    done
}

start() {
    ! exists "$(pid)" || return 0
    [ ! -e "$log" ] || cat "$log" >>"$directory/log.before"
    : >"$log"
    launch </dev/null >>"$log" 2>&1 &
    wait_for 200 test -s "$pid_file"
    if [ -e "$closing" ]; then
        finish KILL
        exit 1
    fi
    wait_for 1200 answers_or_is_gone
    grep -q "$ready" "$log" && return 0
    echo "no server; the end of its log:" >&2
    tail -n 20 "$log" >&2
    exit 1
}

answers_or_is_gone() { grep -q "$ready" "$log" || ! exists "$(pid)"; }

# Sends a signal and waits for the end; what does not end within half a minute is killed.
finish() {
    server=$(pid)
    exists "$server" && kill -s "$1" "$server"
    wait_for 600 is_gone "$server" || kill -s KILL "$server"
    wait_for 200 is_gone "$server"
    rm -f "$pid_file"
}

is_gone() { ! exists "$1"; }

has_ended() { ! runs "$1"; }

# The server and its processes end without another instruction. What they have written is with the
# operating system, which lives on.
crash() {
    server=$(pid)
    exists "$server" || return 0
    kill -s STOP "$server"
    its_children=$(children "$server")
    # Word splitting is meant.
    # shellcheck disable=SC2086
    kill -s KILL "$server" $its_children
    wait_for 200 is_gone "$server"
    for child in $its_children; do wait_for 200 has_ended "$child"; done
    rm -f "$pid_file"
}

case "${1-}" in
start) start ;;
stop) finish "$stop_signal" ;;
kill) crash ;;
restart)
    finish "$stop_signal"
    start
    ;;
end) # For good: nothing of it is needed again.
    finish "$end_signal"
    clean
    ;;
*)
    echo "usage: $0 start|stop|kill|restart" >&2
    exit 64
    ;;
esac
