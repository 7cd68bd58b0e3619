# Waits until the xtask that started it has ended, in whatever way, and takes away all it has started.
# Usage: watchdog.sh DIRECTORY UNFINISHED. Standard input is a pipe that xtask holds and never writes to:
# kill -9 closes it too.

# Everything that is no server is in this process group, and gets the signal that this script sends it.
trap '' HUP INT TERM
directory=$1
unfinished=$2
cd / || exit 1
while read -r _; do :; done

# A server that is being started either sees this file or is seen below.
: >"$directory/closing"
# Whoever uses the servers goes first.
kill -TERM 0
for server in "$directory"/*/server; do
    [ ! -x "$server" ] || "$server" end &
done
wait
# Somebody may still be writing there, and finds out when the next file cannot be made.
tries=0
until rm -rf "$directory" "$unfinished" || [ "$tries" -ge 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
kill -KILL 0
