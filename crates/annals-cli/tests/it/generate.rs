//! What is made of a model: printed, written, compared.

use std::fs;

use crate::{Done, Place, run, tool};

const MODEL: &str = "annals: 1
context: shop
streams:
  order: { key: 'order-{order_id}', why: one order, closes: [OrderShipped] }
events:
  OrderPlaced: { stream: order, fields: { order_id: uuid, note: text? } }
  OrderShipped: { stream: order, public: true, fields: { order_id: uuid } }
commands:
  PlaceOrder: { stream: order, emits: [OrderPlaced] }
  ShipOrder: { stream: order, emits: [OrderShipped] }
processes:
  shipping: { by: order_id, starts: OrderPlaced, reacts: { OrderPlaced: ShipOrder }, ends: [OrderShipped] }
";

/// A folder with a model in it.
fn shop() -> Place {
    let place = Place::new();
    fs::write(place.path("annals.yaml"), MODEL).unwrap();
    place
}

/// `annals generate` with these words.
fn generate(place: &Place, words: &str) -> Done {
    let mut command = tool();
    command.current_dir(place.dir.path()).arg("generate").args(words.split_whitespace());
    run(command, b"")
}

/// The files of a folder, by name.
fn files(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn one_document_is_printed_and_the_first_lines_say_from_what_it_came() {
    let place = shop();
    for (what, says) in [
        ("asyncapi", "asyncapi: \"3.0.0\""),
        ("mermaid", "flowchart LR"),
        ("markdown", "### OrderPlaced"),
        ("html", "<article id=\"event-order-placed\""),
    ] {
        let printed = generate(&place, what).succeeded();
        let head: Vec<&str> = printed.lines().take(5).collect();
        let remark = format!("Made by `annals generate {what}` from annals.yaml. Edits are lost");
        assert!(head.iter().any(|line| line.contains(&remark)), "{head:?}");
        assert!(printed.contains(says), "{printed}");
        assert_eq!(printed, generate(&place, &format!("{what} annals.yaml")).succeeded());
    }
    let failed = generate(&place, "json-schema annals.yaml").failed(2, "this makes 2 files");
    assert!(failed.contains("annals generate json-schema annals.yaml --out FOLDER"), "{failed}");
}

#[test]
fn files_are_written_once_compared_and_follow_the_model() {
    let place = shop();
    let out = "mermaid --out docs/flow";
    let said = generate(&place, out).succeeded();
    assert_eq!(said.matches("written: ").count(), 3, "{said}");
    let names = ["flow.mmd", "process-shipping.mmd", "stream-order.mmd"];
    assert_eq!(files(&place, "docs/flow"), names, "and nothing else, such as what was begun");
    assert_eq!(generate(&place, out).succeeded(), "3 files are up to date\n");
    let check = format!("{out} --check");
    assert_eq!(generate(&place, &check).succeeded(), "3 files are up to date\n");
    // Line ends of another system are no change.
    let flow = fs::read_to_string(place.path("docs/flow/flow.mmd")).unwrap();
    fs::write(place.path("docs/flow/flow.mmd"), flow.replace('\n', "\r\n")).unwrap();
    generate(&place, &check).succeeded();

    let changed = MODEL.split("processes:").next().unwrap().replace("PlaceOrder", "TakeOrder");
    fs::write(place.path("annals.yaml"), changed).unwrap();
    let done = generate(&place, &check);
    assert!(done.stdout.contains("flow.mmd is not what the model says"), "{}", done.stdout);
    assert!(done.stdout.contains("process-shipping.mmd is of the model no more"), "{}", done.stdout);
    let failed = done.failed(1, "2 files are not up to date");
    assert!(failed.contains("annals generate mermaid --out docs/flow"), "{failed}");
    assert_eq!(files(&place, "docs/flow"), names, "a comparison changes nothing");

    fs::remove_file(place.path("docs/flow/stream-order.mmd")).unwrap();
    let said = generate(&place, out).succeeded();
    for says in [
        "written anew: docs/flow/flow.mmd",
        "written: docs/flow/stream-order.mmd",
        "removed, since the model has it no more: docs/flow/process-shipping.mmd",
    ] {
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(files(&place, "docs/flow"), ["flow.mmd", "stream-order.mmd"]);
    generate(&place, &check).succeeded();
}

#[test]
fn what_others_wrote_is_neither_written_over_nor_removed() {
    let place = shop();
    let mine = "{\"title\": \"mine\"}";
    fs::create_dir(place.path("schemas")).unwrap();
    fs::write(place.path("schemas/order-shipped.schema.json"), mine).unwrap();
    let out = "json-schema --out schemas";
    generate(&place, out).failed(1, "was not made by annals generate; nothing was written");
    assert_eq!(files(&place, "schemas"), ["order-shipped.schema.json"], "not even the other file");
    fs::rename(place.path("schemas/order-shipped.schema.json"), place.path("schemas/mine.json")).unwrap();
    generate(&place, out).succeeded();
    // Of another command, and of another model.
    generate(&place, "asyncapi --out schemas").succeeded();
    let other = MODEL.replace("Order", "Parcel").replace("context: shop", "context: parcels");
    fs::write(place.path("parcels.yaml"), other).unwrap();
    generate(&place, "json-schema parcels.yaml --out schemas").succeeded();
    let all = files(&place, "schemas");
    assert_eq!(all.len(), 6, "{all:?}");
    generate(&place, &format!("{out} --check")).succeeded();
    fs::write(
        place.path("annals.yaml"),
        MODEL.split("events:").next().unwrap().replace(", closes: [OrderShipped]", ""),
    )
    .unwrap();
    let done = generate(&place, out);
    assert!(done.stderr.contains("no event with fields"), "{}", done.stderr);
    done.succeeded();
    let left = ["asyncapi.yaml", "mine.json", "parcel-placed.schema.json", "parcel-shipped.schema.json"];
    assert_eq!(files(&place, "schemas"), left);
    assert_eq!(fs::read_to_string(place.path("schemas/mine.json")).unwrap(), mine);
}

#[cfg(unix)]
#[test]
fn a_linked_file_stays_linked_and_keeps_who_may_read_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = shop();
    generate(&place, "markdown --out a").succeeded();
    fs::create_dir(place.path("b")).unwrap();
    symlink("../a/catalogue.md", place.path("b/catalogue.md")).unwrap();
    fs::set_permissions(place.path("a/catalogue.md"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.path("annals.yaml"), MODEL.replace("one order", "another reason")).unwrap();
    generate(&place, "markdown --out b").succeeded();
    assert!(fs::symlink_metadata(place.path("b/catalogue.md")).unwrap().is_symlink());
    let there = place.path("a/catalogue.md");
    assert!(fs::read_to_string(&there).unwrap().contains("another reason"));
    assert_eq!(fs::metadata(&there).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let place = shop();
    generate(&place, "html none.yaml").failed(2, "there is no file or folder \"none.yaml\"");
    generate(&place, "html --on sqlite").failed(2, "--on says nothing to it");
    fs::write(place.path("taken"), "x").unwrap();
    generate(&place, "html --out taken").failed(2, "taken is a file");
    let done = generate(&place, "html --check");
    assert!(done.status == Some(2) && done.stderr.contains("--out"), "{}", done.stderr);
    let done = generate(&place, "pictures");
    assert!(done.status == Some(2) && done.stderr.contains("json-schema"), "{}", done.stderr);

    fs::write(place.path("annals.yaml"), MODEL.replace("emits: [OrderShipped]", "emits: [OrderShiped]"))
        .unwrap();
    let failed = generate(&place, "markdown --out out").failed(1, "the model is not understood");
    assert!(failed.contains("annals.yaml:10:"), "{failed}");
    assert!(failed.contains("no event is called OrderShiped"), "{failed}");
    assert!(!place.path("out").exists());

    fs::write(place.path("annals.yaml"), MODEL.replace("public: true, ", "")).unwrap();
    let done = generate(&place, "asyncapi");
    assert!(done.stderr.contains("no event of the model is public"), "{}", done.stderr);
    assert_eq!(done.succeeded(), "");
}
