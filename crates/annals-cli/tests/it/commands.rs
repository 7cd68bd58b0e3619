//! What each command prints.

use std::io::{BufRead, BufReader};

use crate::{Place, members, run, tool};

const ID: &str = "0199f3a2-7c1e-7d4f-8a6b-5c4d3e2f1a0b";

fn with_orders() -> Place {
    let place = Place::new();
    for (stream, event_type, payload, tag) in [
        ("order-1", "order-placed", r#"{"n":1}"#, "customer:ada"),
        ("order-2", "order-placed", r#"{"n":2}"#, "customer:bob"),
        ("order-1", "order-paid", r#"{"n":3}"#, "customer:ada"),
        ("invoice-1", "invoice-sent", r#"{"n":4}"#, "customer:ada"),
    ] {
        place.stdout(&["append", stream, event_type, payload, "--tag", tag]);
    }
    place
}

#[test]
fn append_answers_with_one_object() {
    let place = Place::new();
    let args = ["append", "order-1", "order-placed", "{}", "--id", ID, "--json"];
    let answer = &place.objects(&args)[0];
    let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    let mut expected = [
        "stream_id",
        "first_version",
        "last_version",
        "first_position",
        "last_position",
        "checkpoint",
        "duplicate",
        "event_ids",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(answer["stream_id"], "order-1");
    assert_eq!((answer["last_version"].as_u64(), answer["duplicate"].as_bool()), (Some(1), Some(false)));
    assert_eq!(answer["event_ids"][0], ID);

    let again = &place.objects(&args)[0];
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["checkpoint"], answer["checkpoint"]);
    assert_eq!(place.objects(&["read", "--all", "--json"]).len(), 1);
}

#[test]
fn append_keeps_everything_it_is_given() {
    let place = Place::new();
    place.stdout(&[
        "append",
        "order-1",
        "order-placed",
        "-5",
        "--id",
        ID,
        "--correlation-id",
        "checkout 7",
        "--causation-id",
        "command-9",
        "--tag",
        "b:2",
        "--tag",
        "a:1",
        "--expect",
        "none",
    ]);
    let event = &place.objects(&["read", "order-1", "--json"])[0];
    assert_eq!(event["event_id"], ID);
    assert_eq!(event["payload"], -5);
    assert_eq!(
        (&event["correlation_id"], &event["causation_id"]),
        (&"checkout 7".into(), &"command-9".into())
    );
    assert_eq!(event["tags"], serde_json::json!(["a:1", "b:2"]));
}

#[test]
fn append_without_a_payload_appends_an_empty_object_and_a_hyphen_reads_standard_input() {
    let place = Place::new();
    place.stdout(&["append", "a", "b"]);
    place
        .annals_reading(&["append", "a", "b", "-"], b"{\n  \"n\": 123456789012345678901234567890\n}")
        .succeeded();
    let lines = place.stdout(&["read", "a", "--json"]);
    assert_eq!(lines.lines().count(), 2, "one event a line: {lines}");
    assert!(lines.contains(r#""payload":{},"#), "{lines}");
    assert!(lines.contains("123456789012345678901234567890"), "{lines}");
}

#[test]
fn an_expectation_that_holds_is_no_obstacle() {
    let place = Place::new();
    for expect in ["none", "exists", "2", "any"] {
        place.stdout(&["append", "a", "b", "--expect", expect]);
    }
    let versions = members(&place.objects(&["read", "a", "--json"]), "stream_version");
    assert_eq!(versions, ["1", "2", "3", "4"]);
}

#[test]
fn read_prints_the_envelope_under_its_names() {
    let place = with_orders();
    let event = &place.objects(&["read", "order-1", "--json"])[0];
    for name in [
        "event_id",
        "stream_id",
        "stream_version",
        "position",
        "event_type",
        "schema_version",
        "occurred_at",
        "recorded_at",
        "payload",
        "content_type",
        "metadata",
        "source",
        "tags",
    ] {
        assert!(event.get(name).is_some(), "{name} is missing in {event}");
    }
}

#[test]
fn read_takes_the_part_it_is_asked_for() {
    let place = with_orders();
    let read = |args: &[&str]| {
        let args = [&["read"], args, &["--json"]].concat();
        members(&place.objects(&args), "position").join(" ")
    };
    assert_eq!(read(&["--all"]), "1 2 3 4");
    assert_eq!(read(&["--all", "--from", "2", "--limit", "2"]), "2 3");
    assert_eq!(read(&["--all", "--backward", "--from", "3"]), "3 2 1");
    assert_eq!(read(&["--all", "--limit", "0"]), "");
    assert_eq!(read(&["--all", "--from", "18446744073709551615"]), "");
    assert_eq!(read(&["order-1"]), "1 3");
    assert_eq!(read(&["order-1", "--from", "2"]), "3");
    assert_eq!(read(&["order-1", "--backward", "--limit", "1"]), "3");
    assert_eq!(read(&["no-such-stream"]), "");
    assert_eq!(read(&["--all", "--category", "order"]), "1 2 3");
    assert_eq!(read(&["--all", "--type", "order-paid", "--type", "invoice-sent"]), "3 4");
    assert_eq!(read(&["--all", "--category", "order", "--tag", "customer:ada"]), "1 3");
    assert_eq!(read(&["--all", "--tag", "customer:ada", "--tag", "customer:bob"]), "");
    assert_eq!(read(&["order-1", "--type", "order-paid", "--tag", "customer:ada", "--limit", "1"]), "3");
    assert_eq!(read(&["order-1", "--category", "invoice"]), "");
}

#[test]
fn a_table_is_aligned_and_nothing_is_cut_away_from_a_terminal() {
    let place = Place::new();
    let long = format!("\"{}\"", "x".repeat(2_000));
    place.stdout(&["append", "order-1", "order-placed", "{\n\"a\":1}", "--tag", "c:1"]);
    place.stdout(&["append", "a-much-longer-stream", "t", &long]);
    let table = place.stdout(&["read", "--all"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[0].starts_with("position  stream                version  type          occurred at"),
        "{table}"
    );
    assert!(lines[1].starts_with("       1  order-1                     1  order-placed  20"), "{table}");
    assert!(lines[1].ends_with(r#"Z  c:1   { "a":1}"#), "{table}");
    assert!(lines[2].ends_with(&long), "{table}");
    assert_eq!(lines[0].find("payload"), lines[1].find("{ "), "{table}");

    let of_one = place.stdout(&["read", "order-1"]);
    assert!(of_one.starts_with("position  version  type          occurred at"), "{of_one}");

    let nothing = place.annals(&["read", "no-such-stream"]);
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", "no events\n"));
}

#[test]
fn streams_and_types_are_listed_in_byte_order() {
    let place = with_orders();
    let streams = |args: &[&str]| {
        members(&place.objects(&[&["streams", "--json"], args].concat()), "stream_id").join(" ")
    };
    assert_eq!(streams(&[]), "invoice-1 order-1 order-2");
    assert_eq!(streams(&["order-"]), "order-1 order-2");
    assert_eq!(streams(&["--after", "invoice-1", "--limit", "1"]), "order-1");
    assert_eq!(streams(&["--limit", "0"]), "");
    assert_eq!(place.stdout(&["streams", "order-"]), "version  stream\n      2  order-1\n      1  order-2\n");

    let types = place.objects(&["types", "--json"]);
    assert_eq!(members(&types, "event_type"), ["invoice-sent", "order-paid", "order-placed"]);
    assert_eq!(members(&types, "events"), ["1", "1", "2"]);
    assert_eq!(members(&place.objects(&["types", "--json", "--after", "order-paid"]), "events"), ["2"]);
}

#[test]
fn a_listing_goes_on_over_many_pages() {
    let place = Place::new();
    let events: String = (0..2_500)
        .map(|n| format!("{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"s-{n:04}\"}}\n"))
        .collect();
    place.annals_reading(&["import"], events.as_bytes()).succeeded();
    let streams = members(&place.objects(&["streams", "--json"]), "stream_id");
    assert_eq!((streams.len(), streams[2_499].as_str()), (2_500, "s-2499"));
    assert_eq!(place.objects(&["streams", "--json", "--limit", "1001"]).len(), 1_001);
}

#[test]
fn stats_tell_what_is_there_and_how_durable_it_is() {
    let place = with_orders();
    let stats = &place.objects(&["stats", "--json"])[0];
    for (name, value) in [("events", 4), ("streams", 3), ("event_types", 3), ("position", 4)] {
        assert_eq!(stats[name], value, "{name}");
    }
    assert_eq!(stats["durable"], true);
    assert!(stats["durability"].as_str().unwrap().contains("synchronous=FULL"));
    let store_id = stats["store_id"].as_str().unwrap();
    assert!(stats["bytes"].as_u64().unwrap() > 0);
    let table = place.stdout(&["stats"]);
    assert!(table.contains(&format!("store          {store_id}\nevents         4\n")), "{table}");
}

#[test]
fn a_store_on_the_command_line_wins_over_the_environment() {
    let place = with_orders();
    let elsewhere = place.stdout(&["stats", "--json", "--store", "memory:"]);
    assert!(elsewhere.contains(r#""events":0,"#), "{elsewhere}");
}

#[test]
fn a_namespace_is_a_store_of_its_own() {
    let place = with_orders();
    place.stdout(&["append", "a", "b", "--store", "sqlite:a.db?namespace=eu"]);
    assert_eq!(place.objects(&["read", "--all", "--json", "--store", "sqlite:a.db?namespace=eu"]).len(), 1);
    assert_eq!(place.objects(&["read", "--all", "--json"]).len(), 4);
}

#[test]
fn a_reader_that_goes_away_ends_the_tool_quietly() {
    let place = Place::new();
    let events: String = (0..5_000)
        .map(|n| format!("{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"/s\",\"type\":\"t\",\"subject\":\"s\"}}\n"))
        .collect();
    place.annals_reading(&["import"], events.as_bytes()).succeeded();
    for args in [&["read", "--all"][..], &["read", "--all", "--json"], &["export"]] {
        let mut child = place.on("a.db", args).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let done = crate::finished(child);
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let mut command = tool();
        command.args(["completions", shell]);
        let script = run(command, b"").succeeded();
        assert!(script.contains("annals") && script.contains("streams"), "{shell}");
    }
}

#[test]
fn help_tells_the_environment_the_statuses_and_an_example_for_each_command() {
    let help = |args: &[&str]| {
        let mut command = tool();
        command.args(args);
        run(command, b"").succeeded()
    };
    let main = help(&["--help"]);
    assert!(main.contains("ANNALS_STORE") && main.contains("Exit status:"), "{main}");
    for command in
        ["advise", "append", "read", "tail", "streams", "types", "stats", "import", "export", "completions"]
    {
        assert!(main.contains(&format!("\n  {command} ")), "{main}");
        let text = help(&[command, "--help"]);
        assert!(text.contains("Example") && text.contains(&format!("annals {command}")), "{text}");
    }
}
