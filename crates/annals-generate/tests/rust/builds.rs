//! Generated crates, built and run with the toolchain, in one workspace beside this one's own target folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use annals_generate::{File, Owner};

const ORDERS: &str = include_str!("models/orders.yaml");

/// The generated workspace.
struct Workspace {
    root: PathBuf,
    members: Vec<&'static str>,
}

impl Workspace {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated-rust");
        Self { root, members: Vec::new() }
    }

    /// Writes a crate, and refuses its warnings.
    fn add(&mut self, member: &'static str, files: &[File]) {
        let folder = self.root.join(member);
        _ = fs::remove_dir_all(folder.join("src"));
        for file in files {
            let lints = "\n[lints.rust]\nwarnings = \"deny\"\n";
            let text = match file.path.as_str() {
                "Cargo.toml" => {
                    let named = file.text.lines().skip(2).map(|line| format!("{line}\n")).collect::<String>();
                    format!(
                        "[package]\nname = \"{member}\"\n{named}tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n{lints}"
                    )
                }
                _ => file.text.clone(),
            };
            put(&folder.join(&file.path), &text);
        }
        self.members.push(member);
    }

    fn finish(&self) {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let annals = home.join("crates/annals").display().to_string().replace('\\', "/");
        let members = self.members.join("\", \"");
        let manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [\"{members}\"]\n\n\
             [patch.crates-io]\nannals = {{ path = \"{annals}\" }}\n"
        );
        put(&self.root.join("Cargo.toml"), &manifest);
        // The style of this repository is not that of its users.
        put(&self.root.join("rustfmt.toml"), "");
        fs::copy(home.join("Cargo.lock"), self.root.join("Cargo.lock")).unwrap();
    }

    /// Runs cargo in the workspace; what it printed, and whether it went well.
    fn cargo(&self, arguments: &[&str]) -> (bool, String) {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .arg("--offline")
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        (output.status.success(), said.concat())
    }

    fn rustfmt(&self, files: &[(&str, &[File])]) {
        // These lead to all others.
        let is_rust = |file: &&File| file.path == "src/lib.rs" || file.path == "tests/examples.rs";
        let paths = files.iter().flat_map(|(member, files)| {
            files.iter().filter(is_rust).map(move |file| self.root.join(member).join(&file.path))
        });
        let output =
            Command::new("rustfmt").args(["--edition", "2024", "--check"]).args(paths).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rustfmt would change it:\n{said}{wrong}");
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A model of 100 events in 10 streams, with all kinds of fields and an example of each command.
fn hundred() -> String {
    let kinds = ["uuid", "text", "int", "decimal", "float", "bool", "time", "date", "bytes", "json", "Money"];
    let mut text =
        String::from("annals: 1\ncontext: hundred\ntypes: { Money: { amount: int, currency: text } }\n");
    text.push_str("streams:\n");
    (0..10).for_each(|n| writeln!(text, "  area{n}: {{ key: 'area{n}-{{id}}', why: rule {n} }}").unwrap());
    text.push_str("events:\n");
    for n in 0..100 {
        let kind = kinds[n % kinds.len()];
        let other = kinds[(n * 7 + 3) % kinds.len()];
        let listed = if n % 4 == 0 { "items: [{ sku: text, price: Money, of: [decimal] }], " } else { "" };
        let version = if n % 5 == 0 { "version: 2, upcast: { 1: { rename: { ident: id } } }, " } else { "" };
        writeln!(
            text,
            "  Thing{n}Happened: {{ stream: area{}, tags: [id], {version}fields: {{ id: uuid, {listed}\
             first_field: {kind}, second_field: \"{other}?\", state: {{ one-of: [open, closed] }} }} }}",
            n / 10
        )
        .unwrap();
    }
    text.push_str("commands:\n");
    for n in 0..100 {
        writeln!(
            text,
            "  DoThing{n}: {{ stream: area{}, emits: [Thing{n}Happened], rejects: [Not{n}] }}",
            n / 10
        )
        .unwrap();
    }
    text.push_str("examples:\n");
    for n in 0..100 {
        let then = match n % 2 {
            0 => format!("Thing{n}Happened"),
            _ => format!("{{ rejects: Not{n} }}"),
        };
        writeln!(text, "  - {{ given: [Thing{n}Happened], when: DoThing{n}, then: {then} }}").unwrap();
    }
    text
}

#[test]
fn crates_build_without_a_warning_and_examples_pass_when_the_rules_are_filled_in() {
    let begun = crate::generated(ORDERS).unwrap();
    let shop = include_str!("../../../annals-model/tests/models/shop.yaml");
    let everything = include_str!("../../../annals-model/tests/models/everything.yaml");
    let crates = [
        ("orders", begun.clone()),
        ("shop", crate::generated(shop).unwrap()),
        ("everything", crate::generated(everything).unwrap()),
        ("hundred", crate::generated(&hundred()).unwrap()),
        ("test-context", crate::generated(include_str!("models/odd.yaml")).unwrap()),
        ("empty", crate::generated("annals: 1\n").unwrap()),
    ];
    let mut workspace = Workspace::new();
    crates.iter().for_each(|(member, files)| workspace.add(member, files));
    let rules = [
        ("src/order.rs", include_str!("filled/order.rs")),
        ("src/stock.rs", include_str!("filled/stock.rs")),
    ];
    let mut filled: Vec<File> = begun;
    for file in &mut filled {
        if let Some((_, text)) = rules.iter().find(|(path, _)| *path == file.path) {
            assert_eq!(file.owner, Owner::Yours);
            file.text = (*text).to_owned();
        }
        file.text = file.text.replace("use orders::", "use filled::");
    }
    workspace.add("filled", &filled);
    workspace.finish();

    let formatted: Vec<(&str, &[File])> =
        crates.iter().map(|(member, files)| (*member, files.as_slice())).collect();
    workspace.rustfmt(&formatted);

    // As `cargo check`, and with what clippy has to say.
    let (is_built, said) = workspace.cargo(&["clippy", "--workspace", "--all-targets"]);
    assert!(is_built, "{said}");
    let (is_green, said) = workspace.cargo(&["test", "-p", "filled"]);
    assert!(is_green && said.contains("11 passed") && said.contains("2 passed"), "{said}");
    let (is_green, said) = workspace.cargo(&["test", "-p", "orders", "--test", "examples"]);
    assert!(!is_green && said.contains("0 passed; 11 failed"), "{said}");
    for rule in
        ["write the rules of ShipOrder in src/order.rs", "write the rules of PlaceOrder in src/order.rs"]
    {
        assert!(said.contains(rule), "{said}");
    }
}
