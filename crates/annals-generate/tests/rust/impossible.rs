//! What cannot be said in Rust is refused with what to do.

/// The message and the help for a model that is refused.
fn refused(text: &str) -> (String, String) {
    let impossible = crate::generated(&format!("annals: 1\n{text}")).unwrap_err();
    (impossible.message, impossible.help)
}

#[test]
fn two_names_that_are_one_are_refused() {
    let (message, help) = refused(
        "streams: { order-line: {}, order_line: {} }\nevents: { A: { stream: order-line }, B: { stream: order_line } }",
    );
    assert_eq!(message, "the streams order-line and order_line are both `order_line` in Rust");
    assert_eq!(help, "give one of them another name");
    let (message, _) =
        refused("streams: { a: {} }\nevents: { OrderPlaced: { stream: a }, order-placed: {} }");
    assert_eq!(message, "the events OrderPlaced and order-placed are both `order-placed` in Rust");
    let (message, _) = refused("events: { A: { fields: { orderId: text, order_id: text } } }");
    assert_eq!(message, "`orderId` and `order_id` of A are both `order_id` in Rust");
}

#[test]
fn a_tag_is_one_plain_value_that_is_always_there() {
    let (message, help) = refused("events: { A: { tags: [note], fields: { note: text? } } }");
    assert_eq!(message, "the field `note` of A cannot be a tag");
    assert!(help.starts_with("a tag is one plain value that is always there"), "{help}");
    assert!(crate::generated("annals: 1\nevents: { A: { tags: [n], fields: { n: decimal } } }").is_ok());
}

#[test]
fn every_older_version_has_to_be_read_by_something() {
    let (message, help) = refused("events: { A: { version: 3, upcast: { 2: { with: f } } } }");
    assert_eq!(message, "nothing says how A of version 1 is read");
    assert!(help.contains("upcast: { 1:"), "{help}");
    let (message, help) = refused("events: { A: { upcast: { 1: { with: f } } } }");
    assert_eq!(message, "A has an upcast from version 1, and is at version 1");
    assert_eq!(help, "say `version: 2`, or take the upcast out");
    let (message, _) =
        refused("events: { A: { version: 2, fields: { b: int }, upcast: { 1: { remove: b } } } }");
    assert_eq!(message, "nothing gives A.b to events of version 1");
    let (message, _) =
        refused("events: { A: { version: 2, fields: { b: int }, upcast: { 1: { add: { b: x } } } } }");
    assert_eq!(message, "A.b is \"x\", expected a whole number");
    let (message, _) = refused("events: { A: { version: 2, schema: a.json, upcast: { 1: { remove: b } } } }");
    assert_eq!(message, "A of version 1 is read by no function");
}

#[test]
fn a_command_needs_what_it_decides_on() {
    let (message, help) = refused("streams: { a: {} }\ncommands: { Do: { stream: a } }");
    assert_eq!(message, "Do decides about the stream a, which has no events");
    assert_eq!(help, "give an event `stream: a`, or Do another stream");
    let (message, _) = refused(
        "streams: { a: {} }\nevents: { A: { stream: a }, B: {} }\ncommands: { Do: { stream: a, emits: [B] } }",
    );
    assert_eq!(message, "Do writes B, which is in no stream");
    let wide = |key: &str, fields: &str| {
        refused(&format!(
            "streams: {{ a: {{ {key} }} }}\nevents: {{ A: {{ stream: a, tags: [t], fields: {{ t: text }} }} }}\n\
             commands: {{ Do: {{ stream: a, boundary: {{ events: [A], tags: [t] }}, fields: {{ {fields} }} }} }}"
        ))
        .0
    };
    assert_eq!(wide("", "t: text"), "Do reads the stream a, which has no key");
    assert_eq!(wide("key: 'a-{id}'", "t: text"), "Do has no field for the stream that it reads, `a-{id}`");
    assert_eq!(wide("key: a", "id: int"), "Do decides on events with the tag `t`, and has no such field");
}

#[test]
fn a_value_that_its_field_does_not_have_is_refused_with_its_example() {
    let example = |kind: &str, value: &str| {
        refused(&format!(
            "streams: {{ a: {{}} }}\nevents: {{ A: {{ stream: a, fields: {{ b: {kind} }} }} }}\n\
             commands: {{ Do: {{ stream: a, emits: [A] }} }}\n\
             examples: [{{ when: {{ Do: {{ b: {value} }} }}, then: [] }}]"
        ))
        .0
    };
    assert_eq!(example("int", "two"), "example 1: Do.b is \"two\", expected a whole number");
    assert_eq!(example("{ one-of: [x, y] }", "z"), "example 1: Do.b is \"z\", expected one of x, y");
    assert_eq!(
        example("time", "yesterday"),
        "example 1: Do.b is \"yesterday\", expected a time such as \"2026-01-01T09:30:00Z\""
    );
    assert_eq!(example("[text]", "x"), "example 1: Do.b is \"x\", expected a list");
    assert_eq!(example("{ c: int }", "x"), "example 1: Do.b is \"x\", expected fields with values");
}

#[test]
fn a_type_that_holds_itself_without_an_end_is_refused_where_a_value_is_needed() {
    let (message, help) = refused(
        "types: { Node: { next: Node } }\nstreams: { a: {} }\nevents: { A: { stream: a, fields: { b: Node } } }\n\
         commands: { Do: { stream: a, emits: [A] } }\nexamples: [{ when: Do, then: [] }]",
    );
    assert!(message.contains("would hold another like it, without an end"), "{message}");
    assert_eq!(help, "make one of the fields on the way optional, or a list");
}
