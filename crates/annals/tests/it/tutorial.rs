//! The tutorial's code, all steps together, compiles and runs.

use std::fmt::Write as _;
use std::path::Path;

#[test]
fn the_tutorial_compiles_and_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tutorial = std::fs::read_to_string(root.join("../../docs/guide/tutorial.md")).unwrap();
    let blocks: Vec<&str> =
        tutorial.split("```rust\n").skip(1).map(|block| block.split_once("```").unwrap().0).collect();
    assert!(blocks.len() >= 9, "{} blocks", blocks.len());

    // Each step stands inside the one before, so that it sees what was defined there and may define it anew.
    let mut program = String::from(
        "#![allow(dead_code, unused_imports)]\n#[tokio::main(flavor = \"current_thread\")]\n\
         async fn main() -> Result<(), Box<dyn std::error::Error>> {\n",
    );
    for block in &blocks {
        writeln!(program, "{{\n{block}").unwrap();
    }
    for _ in &blocks {
        program.push_str("}\n");
    }
    program.push_str("Ok(())\n}\n");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial.rs");
    std::fs::write(&file, program).unwrap();
    trybuild::TestCases::new().pass(file);
}
