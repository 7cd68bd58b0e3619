//! The story of a stream, a correlation id and a tag.

use serde_json::{Value, json};

use crate::{Done, Place, objects, run};

/// An order that is placed, reserved in the stock because of that, and paid.
pub(crate) fn story() -> String {
    let id = |n: u32| format!("0190aaaa-0000-7000-8000-{n:012}");
    let event = |n: u32, stream: &str, kind: &str, data: Value, metadata: Value, cause: Option<u32>| {
        let mut event = json!({
            "specversion": "1.0", "id": id(n), "source": "/shop", "type": kind, "subject": stream,
            "time": format!("2026-11-24T09:30:{n:02}Z"), "data": data, "metadata": metadata.to_string(),
            "correlationid": "checkout-1",
        });
        if let Some(cause) = cause {
            event["causationid"] = id(cause).into();
        }
        if stream == "order-1" {
            event["tags"] = "[\"customer:ada\"]".into();
        }
        event.to_string() + "\n"
    };
    let ada = json!({ "actor": "ada", "command": "place-order" });
    let to = |town: &str| json!({ "street": "Hill 1", "town": town });
    [
        event(1, "customer-ada", "customer-registered", json!({ "name": "Ada" }), json!({}), None),
        event(2, "order-1", "order-placed", json!({ "total": 12.50, "to": to("Ghent") }), ada, Some(1)),
        event(
            3,
            "stock-x",
            "stock-reserved",
            json!({ "sku": "x" }),
            json!({ "actor": "fulfilment" }),
            Some(2),
        ),
        event(4, "mail-1", "mail-sent", json!({ "to": "ada@example.com" }), json!({}), Some(3)),
        event(
            5,
            "order-1",
            "address-corrected",
            json!({ "to": to("Bruges") }),
            json!({ "reason": "typed wrong" }),
            None,
        ),
        event(6, "order-1", "order-paid", json!({ "paid": true }), json!({}), Some(3)),
    ]
    .concat()
}

fn shop() -> Place {
    let place = Place::new();
    place.annals_reading(&["import"], story().as_bytes()).succeeded();
    place
}

fn object(done: Done) -> Value {
    objects(&done.succeeded()).remove(0)
}

fn types(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

#[test]
fn a_stream_is_told_with_who_why_and_what_it_caused() {
    let place = shop();
    let done = place.annals(&["audit", "order-1"]);
    assert!(done.stderr.contains("note: read 5 events of the log, from position 2 to 6"), "{}", done.stderr);
    let expected = "\
stream order-1: 3 events, and 2 that were caused (times in UTC)

2026-11-24 09:30:02  v1  order-placed  by ada
│   command place-order, caused by customer-registered, customer-ada v1
│   to.street=\"Hill 1\"  to.town=\"Ghent\"  total=12.5
└─ 2026-11-24 09:30:03  stock-x v1  stock-reserved  by fulfilment
   │   sku=\"x\"
   └─ 2026-11-24 09:30:04  mail-1 v1  mail-sent
          to=\"ada@example.com\"
2026-11-24 09:30:05  v2  address-corrected
    reason: typed wrong
    to.street=\"Hill 1\"  to.town=\"Bruges\"
2026-11-24 09:30:06  v3  order-paid
    caused by stock-reserved, stock-x v1
    paid=true
";
    assert_eq!(done.succeeded(), expected);
    let short = place.stdout(&["audit", "order-1", "--limit", "1", "--scan", "0", "--no-values"]);
    assert!(short.ends_with("    to.street  to.town  total\n\n… 2 more; --limit tells more\n"), "{short}");
    assert!(!short.contains("Ghent"), "{short}");
}

#[test]
fn a_correlation_id_is_told_as_a_tree_over_its_streams() {
    let place = shop();
    let told = object(place.annals(&["audit", "--correlation", "checkout-1", "--format", "json"]));
    assert_eq!(told["of"], json!({ "correlation_id": "checkout-1" }));
    assert_eq!(types(&told["events"]), ["customer-registered", "address-corrected"]);
    let placed = &told["events"][0]["caused"][0];
    assert_eq!((&placed["event_type"], &placed["actor"]), (&"order-placed".into(), &"ada".into()));
    let reserved = &placed["caused"][0];
    assert_eq!(types(&reserved["caused"]), ["mail-sent", "order-paid"]);
    assert_eq!(told["read"]["events"], 6);

    let cut =
        object(place.annals(&["audit", "--correlation", "checkout-1", "--format", "json", "--limit", "2"]));
    assert_eq!((&cut["more"], &cut["more_at_least"]), (&4.into(), &false.into()));
    let args = ["audit", "--correlation", "checkout-1", "--scan", "3"];
    let done = place.annals(&args);
    assert!(done.stderr.contains("the log goes on from there; --scan reads further"), "{}", done.stderr);
    assert!(done.succeeded().contains("… and those that are further on in the log"));
    place
        .annals(&["audit", "--correlation", "other"])
        .failed(1, "none of the 6 events read has the correlation id");
    place
        .annals(&["audit", "--correlation", "checkout-1", "--scan", "0"])
        .failed(2, "--scan 0 reads none of it");
}

#[test]
fn a_tag_is_told_and_values_are_left_out_where_they_are_not_wanted() {
    let place = shop();
    let args = ["audit", "--tag", "customer:ada", "--format", "json", "--no-values"];
    let done = place.annals(&args);
    for value in ["Ghent", "ada@example.com", "typed wrong\\\"", "12.5"] {
        assert!(!done.stdout.contains(value), "{value}: {}", done.stdout);
    }
    let told = object(done);
    assert_eq!(types(&told["events"]), ["order-placed", "address-corrected", "order-paid"]);
    assert_eq!(told["events"][0]["members"], json!(["to.street", "to.town", "total"]));
    place.annals(&["audit", "--tag", "customer:eve"]).failed(1, "no event has the tag \"customer:eve\"");
}

#[test]
fn what_was_said_by_a_point_stands_beside_the_story() {
    let place = shop();
    let shown = place.stdout(&["audit", "order-1", "--at", "2", "--scan", "0"]);
    let expected = "
Last said by version 2 (not the domain's own state):
  to.street  \"Hill 1\"  (v2 address-corrected, 2026-11-24 09:30:05)
  to.town    \"Bruges\"  (v2 address-corrected, 2026-11-24 09:30:05)
  total      12.5  (v1 order-placed, 2026-11-24 09:30:02)
";
    assert!(shown.ends_with(expected), "{shown}");
    // By the time of recording, which is that of the import.
    let at = |time: &str| {
        object(place.annals(&["audit", "order-1", "--at", time, "--format", "json"]))["at"]["version"].clone()
    };
    assert_eq!(at("2026-11-24T09:30:05Z"), 0);
    assert_eq!(at("9000-01-01T00:00:00Z"), 3);
    assert_eq!(at("0"), 0);
}

#[test]
fn the_difference_between_two_points_is_told_member_by_member() {
    let place = shop();
    let shown = place.stdout(&["audit", "order-1", "--between", "1", "3", "--scan", "0"]);
    let expected = "
Last said, from version 1 to version 3:
  paid     – → true  (v3 order-paid, 2026-11-24 09:30:06)
  to.town  \"Ghent\" → \"Bruges\"  (v2 address-corrected, 2026-11-24 09:30:05)
";
    assert!(shown.ends_with(expected), "{shown}");
    let told = object(place.annals(&["audit", "order-1", "--between", "0", "1", "--format", "json"]));
    let changed = told["between"]["changed"].as_array().unwrap();
    assert_eq!(changed.len(), 3);
    assert_eq!(changed[2]["is"].to_string(), "12.5");
    assert_eq!(changed[2]["by"]["version"], 1);
    let same = place.stdout(&["audit", "order-1", "--between", "2", "2"]);
    assert!(same.ends_with("  nothing changed\n"), "{same}");
    place.annals(&["audit", "order-1", "--between", "3", "1"]).failed(2, "give the earlier point first");
}

#[test]
fn a_sequence_diagram_names_who_takes_part() {
    let place = shop();
    let diagram = place.stdout(&["audit", "order-1", "--format", "mermaid"]);
    let expected = "\
sequenceDiagram
    actor a1 as unknown
    participant s1 as order-1
    participant s2 as customer-ada
    participant s3 as stock-x
    participant s4 as mail-1
    s2->>s1: v1 order-placed
    Note right of s1: 2026-11-24 09#58;30#58;02<br/>by ada<br/>place-order<br/>to.street = #34;Hill 1#34;<br/>to.town = #34;Ghent#34;<br/>total = 12.5
    s1->>s3: v1 stock-reserved
    Note right of s3: 2026-11-24 09#58;30#58;03<br/>by fulfilment<br/>sku = #34;x#34;
    s3->>s4: v1 mail-sent
    Note right of s4: 2026-11-24 09#58;30#58;04<br/>to = #34;ada#64;example.com#34;
    a1->>s1: v2 address-corrected
    Note right of s1: 2026-11-24 09#58;30#58;05<br/>typed wrong<br/>to.street = #34;Hill 1#34;<br/>to.town = #34;Bruges#34;
    s3->>s1: v3 order-paid
    Note right of s1: 2026-11-24 09#58;30#58;06<br/>paid = true
";
    assert_eq!(diagram, expected);
    let hidden = place.stdout(&["audit", "order-1", "--format", "mermaid", "--no-values"]);
    assert!(!hidden.contains("Ghent") && hidden.contains("<br/>to.town"), "{hidden}");
}

#[test]
fn events_that_name_themselves_or_later_ones_as_their_cause_are_told_once() {
    let place = Place::new();
    let ids = ["0190aaaa-0000-7000-8000-000000000001", "0190aaaa-0000-7000-8000-000000000002"];
    for (id, cause) in [(ids[0], ids[1]), (ids[1], ids[0])] {
        let args = ["append", "a-1", "noted", "--id", id, "--causation-id", cause, "--correlation-id", "c"];
        place.annals(&args).succeeded();
    }
    let itself = "0190aaaa-0000-7000-8000-000000000003";
    let args = ["append", "b-1", "noted", "--id", itself, "--causation-id", itself, "--correlation-id", "c"];
    place.annals(&args).succeeded();
    let told = place.stdout(&["audit", "--correlation", "c"]);
    assert!(told.starts_with("correlation id c: 3 events"), "{told}");
    assert_eq!(told.matches("  noted").count(), 3, "{told}");
}

#[test]
fn what_is_not_there_or_not_meant_is_refused_with_what_to_do() {
    let place = shop();
    place.annals(&["audit", "order-2"]).failed(1, "there is no stream \"order-2\"");
    place.annals(&["audit", "order-1", "--at", "9"]).failed(1, "is at version 3, and has no version 9");
    place
        .annals(&["audit", "order-1", "--at", "yesterday"])
        .failed(2, "expected a version such as 3, or a time");
    place.annals(&["audit", "order-1", "--between", "1"]).failed(2, "2 values required");
    place.annals(&["audit", "order-1", "--at", "1", "--format", "mermaid"]).failed(2, "no place for a state");
    place.annals(&["audit", "--tag", "customer:ada", "--at", "1"]).failed(2, "the events of one stream");
    place.annals(&["audit", "order-1", "--since", "2026-11-24T09:30:00Z"]).failed(2, "a correlation id");
    assert_eq!(place.annals(&["audit"]).status, Some(2));
    run(place.on("none.db", &["audit", "order-1"]), b"").failed(3, "none.db");
}

/// A stream that is longer than a page is read page by page, and a long one is told from its beginning.
#[test]
fn a_long_stream_is_told_up_to_the_limit() {
    let place = Place::new();
    let lines: String = (1..=3000)
        .map(|n| {
            format!(
                r#"{{"specversion":"1.0","id":"{n}","source":"/s","type":"counted","subject":"meter-1","data":{{"n":{n}}}}}"#
            ) + "\n"
        })
        .collect();
    place.annals_reading(&["import"], lines.as_bytes()).succeeded();
    let told = place.stdout(&["audit", "meter-1", "--limit", "10", "--at", "2999"]);
    assert!(told.contains("\n… 2990 more; --limit tells more\n"), "{told}");
    assert!(told.contains("  n  2999  (v2999 counted"), "{told}");
    assert!(told.lines().count() < 30, "{told}");
}
