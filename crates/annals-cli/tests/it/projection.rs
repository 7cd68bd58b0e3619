//! Looking at read models and steering them.

use rusqlite::Connection;

use crate::{Place, run};

const ACCOUNTS: &str = r#"
name = "accounts"
key_columns = { accounts = "id" }
tables = "CREATE TABLE {accounts} (id VARCHAR(100) PRIMARY KEY, cents BIGINT NOT NULL)"
[on]
opened = "INSERT INTO {accounts} (id, cents) VALUES (:stream_id, 0)"
deposited = "UPDATE {accounts} SET cents = cents + :payload.cents WHERE id = :stream_id"
"#;

/// A store with so many accounts of two deposits each, and the file.
fn place(accounts: usize) -> Place {
    let place = Place::new();
    std::fs::write(place.path("accounts.toml"), ACCOUNTS).unwrap();
    let mut lines = String::new();
    for account in 0..accounts {
        for (n, event_type) in ["opened", "deposited", "deposited"].into_iter().enumerate() {
            lines += &format!(
                r#"{{"specversion":"1.0","id":"{account}.{n}","source":"/s","type":"{event_type}","subject":"account-{account}","data":{{"cents":{account},"day":"day {n}"}}}}"#
            );
            lines.push('\n');
        }
    }
    place.annals_reading(&["import"], lines.as_bytes()).succeeded();
    place
}

const TARGET: [&str; 2] = ["--target", "sqlite:views.db"];

fn project<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["project", file, "--once"], &TARGET[..], more].concat()
}

fn projection<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["projection"], args, &TARGET[..]].concat()
}

#[test]
fn generations_are_listed_rebuilt_gone_back_to_and_thrown_away() {
    let place = place(20);
    assert_eq!(run(place.on("a.db", &projection(&["list"])), b"").status, Some(3), "there is no file yet");
    place.stdout(&project("accounts.toml", &["--partitions", "2"]));
    let list = place.stdout(&projection(&["list"]));
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(list.contains("1 live") && list.contains("idle"), "{list}");
    std::fs::write(place.path("changed.toml"), ACCOUNTS.replace(":payload.cents", ":payload.cents * 2"))
        .unwrap();
    let stale = place.annals(&project("changed.toml", &[]));
    stale.failed(1, "were filled by other code");
    place.stdout(&project("changed.toml", &["--rebuild"]));
    let all = place.objects(&projection(&["list", "--json"])).remove(0);
    assert_eq!((&all["live"], all["generations"].as_array().unwrap().len()), (&2.into(), 2));
    assert_eq!(all["generations"][1]["parts"].as_array().unwrap().len(), 2, "as many as before");
    let metrics = place.stdout(&projection(&["list", "--metrics"]));
    let metric =
        "annals_projection_lag_events{projection=\"accounts\",generation=\"2\",stage=\"live\",part=\"1\"} 0";
    assert!(metrics.contains(metric), "{metrics}");
    let back = place.stdout(&projection(&["roll-back", "accounts"]));
    assert_eq!(back, "generation 1 of accounts serves again\n");
    place.stdout(&project("accounts.toml", &[]));
    place.stdout(&projection(&["clean", "accounts"]));
    for wish in [&["pause", "accounts"][..], &["pace", "accounts", "10"], &["rebuild", "accounts"]] {
        place.stdout(&projection(wish));
    }
    let wished = place.objects(&projection(&["list", "accounts", "--json"])).remove(0);
    assert_eq!(
        (&wished["paused"], &wished["pace"], &wished["rebuild"]),
        (&true.into(), &10.into(), &true.into())
    );
    place.annals(&projection(&["resume", "nothing"])).failed(1, "expected one of accounts");
    place.stdout(&projection(&["remove", "accounts"]));
    place.annals(&["projection", "list"]).failed(2, "no database of read models");
}

#[test]
fn wrong_rows_are_named_and_mended() {
    let place = place(20);
    place.stdout(&project("accounts.toml", &[]));
    place.annals(&projection(&["check", "accounts", "--sample", "100%"])).succeeded();
    let views = Connection::open(place.path("views.db")).unwrap();
    views.execute("UPDATE accounts__1 SET cents = 0 WHERE id = 'account-7'", []).unwrap();
    let wrong = place.annals(&projection(&["check", "accounts", "--sample", "100%"]));
    assert!(wrong.stdout.contains("account-7") && wrong.stdout.contains("23"), "{}", wrong.stdout);
    wrong.failed(1, "20 keys folded from 60 events, 1 wrong");
    let healed = place.objects(&projection(&["check", "accounts", "--key", "account-7", "--heal", "--json"]));
    assert_eq!(healed[0]["parted"][0]["healed"], true);
    let cents = views.query_row("SELECT cents FROM accounts WHERE id = 'account-7'", [], |row| row.get(0));
    assert_eq!(cents, Ok(14));
}

#[test]
fn a_column_is_filled_from_history_and_the_others_stay() {
    let place = place(20);
    place.stdout(&project("accounts.toml", &[]));
    let views = Connection::open(place.path("views.db")).unwrap();
    views.execute("UPDATE accounts__1 SET cents = -1 WHERE id = 'account-7'", []).unwrap();
    let more = ACCOUNTS
        .replace("cents BIGINT NOT NULL)", "cents BIGINT NOT NULL, last_day VARCHAR(40))")
        .replace("cents = cents + :payload.cents", "cents = cents + :payload.cents, last_day = :payload.day");
    std::fs::write(place.path("more.toml"), more).unwrap();
    let filled =
        place.stdout(&projection(&["backfill", "more.toml", "--column", "accounts.last_day VARCHAR(40)"]));
    assert_eq!(filled, "last_day of accounts filled from 60 events\n");
    let row = views.query_row("SELECT * FROM accounts WHERE id = 'account-7'", [], |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    });
    assert_eq!(row, Ok((-1, "day 2".to_owned())));
    place.stdout(&["append", "account-7", "deposited", r#"{"cents":1,"day":"today"}"#]);
    place.stdout(&project("more.toml", &[]));
    let row = views.query_row("SELECT cents, last_day FROM accounts WHERE id = 'account-7'", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    });
    assert_eq!(row, Ok((0, "today".to_owned())));
    let unknown = projection(&["backfill", "more.toml", "--column", "nothing.x INT"]);
    place.annals(&unknown).failed(1, "expected one of accounts");
}

#[test]
fn what_is_set_aside_is_shown_and_tried_again() {
    let place = place(3);
    let broken = ACCOUNTS.replace(
        "WHERE id = :stream_id\"",
        "WHERE id = :stream_id AND CASE WHEN :payload.cents = 1 THEN json('no JSON') ELSE 1 END IS NOT NULL\"",
    );
    std::fs::write(place.path("broken.toml"), broken).unwrap();
    place.stdout(&project("broken.toml", &["--retries", "0", "--on-failure", "park"]));
    let parked = place.objects(&projection(&["parked", "accounts", "--json"]));
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert!(parked.iter().all(|parked| parked["key"] == "account-1"), "{parked:?}");
    assert!(parked[0]["reason"].as_str().unwrap().contains("malformed JSON"), "{parked:?}");
    let shown = place.stdout(&projection(&["parked", "accounts"]));
    assert!(shown.contains("waits for the one before it"), "{shown}");
    place.stdout(&projection(&["retry", "accounts", "account-1"]));
    place.stdout(&projection(&["drop", "accounts", "account-1"]));
    let wished = place.objects(&projection(&["parked", "accounts", "--json"]));
    assert!(wished.iter().all(|parked| parked["wish"] == "drop"), "{wished:?}");
}
