//! Events out of one store and into another, and from elsewhere.

use std::io::Write as _;

use serde_json::Value;

use crate::{Done, Place, finished, members, objects, run};

fn event(n: usize, rest: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{n}","source":"/shop","type":"placed","subject":"order-{n}"{rest}}}"#
    )
}

fn events(count: usize) -> String {
    (1..=count).map(|n| event(n, &format!(",\"data\":{n}")) + "\n").collect()
}

fn import(place: &Place, store: &str, input: impl AsRef<[u8]>) -> Done {
    run(place.on(store, &["import"]), input.as_ref())
}

/// All events of a store without what belongs to that store alone.
fn read(place: &Place, store: &str) -> Vec<Value> {
    let mut events = objects(&run(place.on(store, &["read", "--all", "--json"]), b"").succeeded());
    for event in &mut events {
        event.as_object_mut().unwrap().remove("recorded_at");
    }
    events
}

/// One event with everything an envelope holds, others with what is hard to carry.
fn full() -> String {
    let full = serde_json::json!({
        "specversion": "1.0",
        "id": "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b",
        "source": "https://shop.example/checkout",
        "type": "order-placed",
        "subject": "order/ünï cödé 1",
        "time": "2026-11-24T09:30:00.123456Z",
        "datacontenttype": "application/vnd.shop+json",
        "schemaversion": 3,
        "correlationid": "checkout 7",
        "causationid": "command-9",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": "vendor=1",
        "tags": "[\"b:2\",\"a:1\"]",
        "metadata": "{\"user\":{\"n\":123456789012345678901234567890},\"z\":[1,2]}",
    });
    let number = event(1, r#","data":{"n":123456789012345678901234567890,"z":0.10,"a":"\u0000é\n"}"#);
    let bytes = event(2, r#","data_base64":"AAH/gA==""#);
    format!("{full}\n\n{number}\n{bytes}\n{}\n{}\n", event(3, ",\"data\":[]"), event(4, ""))
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_left_out() {
    let place = Place::new();
    let done = import(&place, "a.db", format!("\u{feff}{}", events(2)));
    assert!(done.stderr.contains("imported 2, already there 0"), "{}", done.stderr);
}

#[test]
fn an_exported_store_comes_back_event_by_event() {
    let place = Place::new();
    import(&place, "a.db", full()).succeeded();
    place.stdout(&["append", "order-1", "noted", "{\n \"a\": 1\n}"]);
    let exported = place.annals(&["export"]);
    assert!(exported.stderr.contains("exported 6"), "{}", exported.stderr);
    assert_eq!(exported.stdout.lines().count(), 6, "one event a line");
    let imported = import(&place, "b.db", &exported.stdout);
    assert!(imported.stderr.contains("imported 6, already there 0"), "{}", imported.stderr);

    let (ours, theirs) = (read(&place, "a.db"), read(&place, "b.db"));
    assert_eq!(ours, theirs);
    let raw = place.stdout(&["read", "--all", "--json", "--store", "sqlite:b.db"]);
    assert!(raw.contains(r#"{"n":123456789012345678901234567890,"z":0.10,"a":"\u0000é\n"}"#), "{raw}");
    assert!(raw.contains(r#""payload_base64":"AAH/gA==""#), "{raw}");
    assert!(raw.contains(r#""metadata":{"user":{"n":123456789012345678901234567890},"z":[1,2]}"#), "{raw}");
    let first = &theirs[0];
    assert_eq!(first["occurred_at"], "2026-11-24T09:30:00.123456Z");
    assert_eq!((&first["schema_version"], &first["tags"]), (&3.into(), &serde_json::json!(["a:1", "b:2"])));
    assert_eq!(first["content_type"], "application/vnd.shop+json");
    assert_eq!(first["tracestate"], "vendor=1");

    let again = import(&place, "b.db", &exported.stdout);
    assert!(again.stderr.contains("imported 0, already there 6"), "{}", again.stderr);
    assert_eq!(read(&place, "b.db"), theirs);
}

#[test]
fn the_deepest_payload_and_a_large_one_come_back() {
    let place = Place::new();
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let large = format!("\"{}\"", "\\n".repeat(1_000_000));
    for payload in [&deep, &large] {
        place.annals_reading(&["append", "a", "t", "-"], payload.as_bytes()).succeeded();
    }
    import(&place, "b.db", place.stdout(&["export"])).succeeded();
    let read = place.stdout(&["read", "a", "--json", "--store", "sqlite:b.db"]);
    assert!(read.contains(&deep) && read.contains(&large));
}

#[test]
fn an_export_is_cloud_events() {
    let place = Place::new();
    place.stdout(&["append", "order-1", "order-placed", r#"{"a":1}"#, "--tag", "x", "--correlation-id", "c"]);
    let event = &place.objects(&["export"])[0];
    let recorded = &place.objects(&["read", "--all", "--json"])[0];
    for (attribute, value) in [
        ("specversion", "1.0".into()),
        ("id", recorded["event_id"].clone()),
        ("source", recorded["source"].clone()),
        ("type", "order-placed".into()),
        ("subject", "order-1".into()),
        ("time", recorded["occurred_at"].clone()),
        ("recordedtime", recorded["recorded_at"].clone()),
        ("datacontenttype", "application/json".into()),
        ("data", serde_json::json!({"a": 1})),
        ("streamversion", 1.into()),
        ("position", 1.into()),
        ("schemaversion", 1.into()),
        ("tags", r#"["x"]"#.into()),
        ("correlationid", "c".into()),
    ] {
        assert_eq!(event[attribute], value, "{attribute}");
    }
    for (name, value) in event.as_object().unwrap() {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{name}");
        assert!(name == "data" || value.is_string() || value.is_i64(), "{name}: {value}");
    }
}

#[test]
fn an_export_takes_the_part_it_is_asked_for_into_a_file() {
    let place = Place::new();
    import(&place, "a.db", events(10)).succeeded();
    place.stdout(&["append", "invoice-1", "sent"]);
    std::fs::write(place.path("out"), "what was there before".repeat(1_000)).unwrap();
    place.stdout(&["export", "--category", "order", "--type", "placed", "--from", "8", "--output", "out"]);
    let written = std::fs::read_to_string(place.path("out")).unwrap();
    assert_eq!(members(&objects(&written), "subject"), ["order-8", "order-9", "order-10"]);
}

#[test]
fn the_hashes_of_a_chain_are_exported_and_made_anew() {
    let place = Place::new();
    import(&place, "a.db?hash_chain=annals-v1", events(3)).succeeded();
    let exported = place.stdout(&["export"]);
    let chain = objects(&exported);
    assert_eq!(chain[1]["predecessorhash"], chain[0]["hash"]);
    import(&place, "b.db", &exported).succeeded();
    assert!(
        read(&place, "b.db")
            .iter()
            .all(|event| event.get("hash").is_none() && event["metadata"]["cloudevents"].is_null())
    );
}

#[test]
fn events_of_others_are_kept_with_all_they_say() {
    let place = Place::new();
    let foreign = event(
        7,
        r#","comexampleregion":"eu","priority":5,"dataschema":"/v1","position":"left","data":"<a/>","datacontenttype":"text/xml""#,
    );
    import(&place, "a.db", &foreign).succeeded();
    let event = &read(&place, "a.db")[0];
    let kept = serde_json::json!({
        "comexampleregion": "eu", "priority": 5, "dataschema": "/v1", "position": "left",
    });
    assert_eq!(event["metadata"], serde_json::json!({ "cloudevents_id": "7", "cloudevents": kept }));
    assert_eq!((&event["payload"], &event["content_type"]), (&"<a/>".into(), &"text/xml".into()));
    assert_eq!(event["source"], "/shop");
    // UUIDv5 of "/shop\n7" in the URL namespace; whoever knows the event can compute its id.
    let id = event["event_id"].as_str().unwrap();
    assert_eq!(id.as_bytes()[14], b'5', "{id}");

    let again = import(&place, "a.db", &foreign);
    assert!(again.stderr.contains("imported 0, already there 1"), "no time of its own: {}", again.stderr);
}

#[test]
fn events_without_a_subject_go_where_they_are_told() {
    let place = Place::new();
    let bare = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    import(&place, "a.db", bare).failed(1, "line 1: subject is missing");
    place.annals_reading(&["import", "--stream", "inbox"], bare.as_bytes()).succeeded();
    assert_eq!(read(&place, "a.db")[0]["stream_id"], "inbox");
    assert!(read(&place, "a.db")[0]["payload"].is_null());
}

#[test]
fn an_import_stops_at_the_first_line_it_cannot_take_and_says_which() {
    for (bad, says) in [
        (b"{\"specversion\":".to_vec(), "line 4: malformed JSON"),
        (b"[1]".to_vec(), "line 4: malformed JSON"),
        (b"\xff\xfe".to_vec(), "line 4: not UTF-8 at byte 1"),
        (event(9, r#","data":{"a":1,"a":2}"#).into_bytes(), "line 4: data cannot be stored"),
        (event(2, r#","data":"not what it was""#).into_bytes(), "line 4: event id"),
        (event(9, r#","time":"noon""#).into_bytes(), "line 4: \"noon\" is not a time"),
        (
            event(9, &format!(",\"data\":\"{}\"", "x".repeat(20 << 20))).into_bytes(),
            "line 4: an append of 209",
        ),
        (
            event(9, &format!(",\"data\":\"{}\"", "x".repeat(40 << 20))).into_bytes(),
            "line 4: longer than 32 MiB",
        ),
        (
            event(9, "").replace("order-9", &"x".repeat(10_000)).into_bytes(),
            "line 4: stream id has 10000 bytes",
        ),
    ] {
        let place = Place::new();
        let mut input = events(2).into_bytes();
        input.push(b'\n');
        input.extend(bad);
        input.extend(format!("\n{}", event(5, "")).into_bytes());
        let said = import(&place, "a.db", &input).failed(1, says);
        assert!(said.contains("imported 2, already there 0"), "{said}");
        assert_eq!(members(&read(&place, "a.db"), "stream_id"), ["order-1", "order-2"], "{says}");
    }
}

#[test]
fn an_id_that_is_another_events_stops_an_import_before_what_comes_after_it() {
    let place = Place::new();
    import(&place, "a.db", event(2, ",\"data\":0")).succeeded();
    let said = import(&place, "a.db", events(4)).failed(1, "line 2: event id");
    assert!(said.contains("imported 1, already there 0"), "{said}");
    assert_eq!(members(&read(&place, "a.db"), "stream_id"), ["order-2", "order-1"]);
}

#[test]
fn the_same_event_twice_in_a_file_is_imported_once() {
    let place = Place::new();
    let said = import(&place, "a.db", format!("{}{}", events(3), events(3))).stderr;
    assert!(said.contains("imported 3, already there 3"), "{said}");
}

#[test]
fn an_import_that_was_killed_is_run_again_and_ends_as_if_nothing_had_been() {
    let place = Place::new();
    let (all, half) = (events(3_000), events(1_200));
    import(&place, "whole.db", &all).succeeded();

    let mut child = place.on("a.db", &["import"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(half.as_bytes()).unwrap();
    stdin.flush().unwrap();
    let some_are_there = || {
        let done = place.annals(&["stats", "--json"]);
        done.status == Some(0) && objects(&done.stdout)[0]["events"].as_u64().unwrap() > 0
    };
    while !some_are_there() {
        assert!(child.try_wait().unwrap().is_none(), "the import ended on its own");
    }
    child.kill().unwrap();
    child.wait().unwrap();

    std::fs::write(place.path("events"), &all).unwrap();
    let said = place.annals(&["import", "events"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let (ours, theirs) = (read(&place, "a.db"), read(&place, "whole.db"));
    let told = |events: &[Value]| {
        ["event_id", "stream_id", "payload", "position", "metadata"].map(|name| members(events, name))
    };
    assert_eq!(told(&ours), told(&theirs));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_import_after_what_it_has_read() {
    let place = Place::new();
    let mut child = place.on("a.db", &["import"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(events(100).as_bytes()).unwrap();
    stdin.flush().unwrap();
    let imported = || {
        let done = place.annals(&["stats", "--json"]);
        done.status == Some(0) && objects(&done.stdout)[0]["events"] == 100
    };
    while !imported() {
        assert!(child.try_wait().unwrap().is_none(), "the import ended on its own");
    }
    // Input is still open: it waits for more, and is stopped while it waits.
    crate::interrupt(&child);
    let done = finished(child);
    let said = done.failed(130, "interrupted");
    assert!(
        said.contains("imported 100, already there 0") && said.contains("run the same command again"),
        "{said}"
    );
    drop(stdin);
}

#[test]
fn an_input_that_is_no_file_is_named() {
    let place = Place::new();
    place.annals(&["import", "no-such-file"]).failed(1, "could not open no-such-file");
    assert!(!place.path("a.db").exists());
    assert_eq!(import(&place, "a.db", "").status, Some(0), "nothing is not much, but no mistake");
}
