//! `annals advise snapshots`: what it says of stores that need none, and of one that is told to need them.

use serde_json::Value;

use crate::Place;

/// Two meters, one of them with 400 events, and twenty orders.
fn with_streams() -> Place {
    let place = Place::new();
    let mut events = String::new();
    let mut event = |stream: &str, n: usize| {
        events.push_str(&format!(
            r#"{{"specversion":"1.0","id":"{}-{n}","source":"test","type":"read","subject":"{stream}","data":{{"n":{n}}}}}"#, stream
        ));
        events.push('\n');
    };
    (0..400).for_each(|n| event("meter-1", n));
    event("meter-2", 0);
    (0..20).for_each(|n| event(&format!("order-{n}"), n));
    (0..2).for_each(|n| event("ordering-1", n));
    place.annals_reading(&["import", "-"], events.as_bytes()).succeeded();
    place
}

#[test]
fn a_store_with_short_streams_needs_none_and_is_told_so() {
    let place = with_streams();
    let done = place.annals(&["advise", "snapshots", "--threshold", "30s"]);
    let text = done.succeeded();
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.lines().next().unwrap().starts_with("category  streams"), "{text}");
    assert!(text.contains("None needed: the slowest load, "), "{text}");
    assert!(text.contains("up to 30.00 s is quick enough (--threshold)."), "{text}");
}

#[test]
fn lengths_are_told_by_category_and_the_longest_stream_is_named() {
    let place = with_streams();
    let advices = place.objects(&["advise", "snapshots", "--json", "--threshold", "30s"]);
    let lengths = |advice: &Value| {
        ["category", "streams", "p50", "p99", "max"].map(|name| advice[name].to_string()).join(" ")
    };
    let all: Vec<String> = advices.iter().map(lengths).collect();
    assert_eq!(all, ["\"meter\" 2 1 400 400", "\"ordering\" 1 2 2 2", "\"order\" 20 1 1 1"]);
    assert_eq!(advices[0]["longest"]["stream_id"], "meter-1");
    assert_eq!(advices[0]["longest"]["events"], 400);
    assert!(advices[0]["longest"]["bytes"].as_u64().unwrap() >= 400 * 7);
    assert_eq!((&advices[0]["advice"], &advices[0]["every"]), (&"none-needed".into(), &Value::Null));

    let one = place.objects(&["advise", "snapshots", "--json", "--category", "order"]);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["category"], "order");
}

#[test]
fn where_loads_are_slower_than_the_threshold_the_policy_is_spelled_out() {
    let place = with_streams();
    let args = ["advise", "snapshots", "--category", "meter", "--threshold", "1us"];
    let text = place.stdout(&args);
    assert!(text.contains("Worth it: the slowest load, meter-1 with 400 events, takes "), "{text}");
    assert!(text.contains(".snapshots(SnapshotPolicy::every("), "{text}");
    let advice = &place.objects(&[&args[..], &["--json"]].concat())[0];
    assert_eq!((&advice["advice"], advice["every"].as_u64()), (&"every".into(), Some(10)));
    assert!(advice["with_snapshot_us"].is_u64() && advice["saved_us"].is_u64());
}

#[test]
fn one_long_stream_among_many_short_ones_is_no_reason_for_all_of_them() {
    let place = Place::new();
    let mut events = String::new();
    let mut event = |stream: &str, n: usize| {
        events.push_str(&format!(
            r#"{{"specversion":"1.0","id":"{stream}-{n}","source":"test","type":"booked","subject":"{stream}","data":{n}}}"#
        ));
        events.push('\n');
    };
    (0..5_000).for_each(|n| event("account-long", n));
    (0..150).for_each(|n| event(&format!("account-{n}"), 0));
    place.annals_reading(&["import", "-"], events.as_bytes()).succeeded();
    let args = ["advise", "snapshots", "--threshold", "2ms"];
    let text = place.stdout(&args);
    assert!(text.contains(".snapshots(SnapshotPolicy::slower_than(Duration::from_millis(2)))"), "{text}");
    let advice = &place.objects(&[&args[..], &["--json"]].concat())[0];
    assert_eq!((&advice["advice"], advice["p99"].as_u64()), (&"few-streams".into(), Some(1)));
}

#[test]
fn what_was_not_looked_at_is_said() {
    let place = with_streams();
    let done = place.annals(&["advise", "snapshots", "--streams", "5"]);
    assert!(done.stderr.contains("only the first 5 streams were looked at"), "{}", done.stderr);
    let all = place.annals(&["advise", "snapshots", "--streams", "23"]);
    assert!(!all.stderr.contains("only the first"), "{}", all.stderr);
    let none = place.annals(&["advise", "snapshots", "--category", "no"]);
    assert_eq!((none.status, none.stdout.as_str(), none.stderr.as_str()), (Some(0), "", "no streams\n"));
    let wrong = place.annals(&["advise", "snapshots", "--threshold", "50"]);
    assert_eq!(wrong.status, Some(2), "{}", wrong.stderr);
}
