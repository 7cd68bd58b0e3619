//! Two versions of a model, in files and in git.

use std::process::Command;

use serde_json::Value;

use crate::{Done, Place, run, tool};

const FIRST: &str = "annals: 1\nstreams:\n  order: { key: 'order-{order_id}', why: its total }\nevents:\n  OrderPlaced:\n    \
                     stream: order\n    fields: { order_id: uuid, total: int }\n";

/// A second version that has no upcast.
fn second(upcast: &str) -> String {
    FIRST.replace(
        "fields: { order_id: uuid, total: int }",
        &format!("version: 2\n    fields: {{ order_id: uuid, total: int, channel: text }}\n    {upcast}"),
    )
}

fn alone(place: &Place, args: &[&str]) -> Done {
    let mut command = tool();
    command.current_dir(place.dir.path()).args(args);
    run(command, b"")
}

fn write(place: &Place, name: &str, text: &str) {
    let path = place.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[track_caller]
fn git(place: &Place, args: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(place.dir.path()).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
    let done = command.args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn repository() -> Place {
    let place = Place::new();
    write(&place, "shop/annals.yaml", FIRST);
    git(&place, &["init", "-q", "-b", "main"]);
    git(&place, &["add", "."]);
    git(&place, &["commit", "-q", "-m", "first"]);
    git(&place, &["tag", "v1"]);
    place
}

#[test]
fn a_missing_upcast_is_named_and_pasted_it_mends_the_model() {
    let place = repository();
    alone(&place, &["diff", "git:main", "shop"]).succeeded();
    write(&place, "shop/annals.yaml", &second(""));
    let done = alone(&place, &["diff", "git:main", "shop"]);
    let expected = "\
annals diff: 1 breaking, 1 compatible

  event        version  stored   verdict
  OrderPlaced  1 → 2    v1 lost  breaking

breaking    events.OrderPlaced
            `OrderPlaced` of version 1 cannot be read as version 2: no upcast from 1 to 2
            + upcast: { 1: { add: { channel: … } } }

compatible  events.OrderPlaced
            `OrderPlaced`: version 1 is now 2, `channel` is new (text)
";
    assert_eq!(done.stdout, expected);
    done.failed(1, "1 breaking change");
    write(&place, "shop/annals.yaml", &second("upcast: { 1: { add: { channel: … } } }"));
    let mended = alone(&place, &["diff", "git:main", "shop"]).succeeded();
    assert!(mended.starts_with("annals diff: 1 compatible\n"), "{mended}");
}

#[test]
fn a_revision_is_read_at_the_place_of_the_model_from_wherever_it_is_called() {
    let place = repository();
    write(&place, "shop/annals.yaml", &second(""));
    git(&place, &["commit", "-q", "-a", "-m", "second"]);
    for (old, new) in [("git:v1", "shop"), ("git:HEAD~1", "shop/annals.yaml"), ("git:main^", "./shop/")] {
        alone(&place, &["diff", old, new]).failed(1, "1 breaking change");
        alone(&place, &["diff", new, "--against", old]).failed(1, "1 breaking change");
        alone(&place, &["check", new, "--against", old]).failed(1, "finding");
    }
    let mut inside = tool();
    inside.current_dir(place.path("shop")).args(["diff", "--against", "git:v1", "--json"]);
    let done = run(inside, b"");
    let diff: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        (&diff["level"], &diff["events"][0]["stored"][0]["fate"]),
        (&"breaking".into(), &"lost".into())
    );
    done.failed(1, "1 breaking change");
    alone(&place, &["diff", "git:main", "shop"]).succeeded();
    let done = alone(&place, &["diff", "git:v1", "shop", "--format", "markdown"]);
    assert!(done.stdout.contains("| `OrderPlaced` | 1 → 2 | v1 lost | breaking |"), "{}", done.stdout);
}

#[test]
fn files_and_folders_are_compared_without_git() {
    let place = Place::new();
    write(&place, "old.yaml", FIRST);
    write(&place, "new/annals.yaml", &second(""));
    let mut command = tool();
    command.current_dir(place.dir.path()).env("PATH", "").args(["diff", "old.yaml", "new"]);
    run(command, b"").failed(1, "1 breaking change");
    alone(&place, &["diff", "new", "old.yaml"]).failed(1, "1 breaking change");
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    let place = repository();
    alone(&place, &["diff", "git:nowhere", "shop"]).failed(1, "git knows no revision \"nowhere\"");
    alone(&place, &["diff", "git:", "shop"]).failed(2, "expected a revision of git");
    alone(&place, &["diff", "git:--help", "shop"]).failed(2, "no revision of git begins with -");
    alone(&place, &["diff", "main", "shop"]).failed(2, "git:main names a revision of git");
    alone(&place, &["diff", "git:main"]).failed(2, "nothing to review in folder .");
    write(&place, "other/annals.yaml", FIRST);
    alone(&place, &["diff", "git:main", "other"]).failed(2, "no model in other at git:main");
    write(&place, "wrong.yaml", "annals: 1\nevents: []\n");
    alone(&place, &["diff", "wrong.yaml", "shop"]).failed(1, "wrong.yaml: the model is not understood");
    let mut command = tool();
    command.current_dir(place.dir.path()).env("PATH", "").args(["diff", "git:main", "shop"]);
    run(command, b"").failed(1, "could not run git");
    let bare = Place::new();
    write(&bare, "annals.yaml", FIRST);
    let mut command = tool();
    // A folder above the temporary one may be a repository.
    command.current_dir(bare.dir.path()).env("GIT_CEILING_DIRECTORIES", bare.dir.path().parent().unwrap());
    run(
        {
            command.args(["diff", "git:main"]);
            command
        },
        b"",
    )
    .failed(1, "not a git repository");
    assert_eq!(alone(&place, &["diff"]).status, Some(2));
}
