//! What is generated, as those who get it read it.

use std::fmt::Write as _;
use std::path::Path;

use annals_generate::Owner;

#[test]
fn a_small_model_becomes_a_crate_that_reads_well() {
    let mut shown = String::new();
    for file in crate::generated(include_str!("models/orders.yaml")).unwrap() {
        let owner = if file.owner == Owner::Yours { " (yours)" } else { "" };
        writeln!(shown, "======== {}{owner}\n{}", file.path, file.text).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rust/expected/orders.txt");
    if std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(expected == shown, "not as expected; ANNALS_UPDATE_EXPECTED=1 writes it anew. It is:\n{shown}");
}

#[test]
fn what_is_generated_says_from_what_and_what_is_yours_does_not() {
    for file in crate::generated(include_str!("models/orders.yaml")).unwrap() {
        let is_marked = file.text.starts_with("// Made by `annals generate rust` from annals.yaml.");
        assert_eq!(is_marked, file.owner == Owner::Annals, "{}", file.path);
    }
}

#[test]
fn a_model_with_little_in_it_is_a_crate_as_well() {
    let paths = |text: &str| -> Vec<String> {
        crate::generated(text).unwrap().into_iter().map(|file| file.path).collect()
    };
    let always = ["Cargo.toml", "src/lib.rs", "src/generated/mod.rs", "src/generated/types.rs"];
    assert_eq!(paths("annals: 1\n"), always);
    assert_eq!(paths("annals: 1\nstreams: { order: {} }\n"), always);
    let with_event = paths("annals: 1\nstreams: { order: {} }\nevents: { Placed: { stream: order } }\n");
    assert_eq!(with_event[4..], ["src/generated/order.rs", "src/order.rs"]);
    let loose = paths("annals: 1\nevents: { Placed: {} }\n");
    assert_eq!(loose[4..], ["src/generated/unassigned.rs"]);
}
