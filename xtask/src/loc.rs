//! Counts the lines a user writes for the bank account in `examples/bank`: open, deposit, withdraw and
//! transfer, with events, state, typed errors and wiring, without blank and comment lines.

use std::fs;

use crate::{Outcome, root, say};

/// The most lines it may take, counted dense.
const LINES_MAX: usize = 55;

pub(crate) fn run() -> Outcome {
    let path = root().join("examples/bank/src/lib.rs");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let code: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#!["))
        .collect();
    let dense = dense(&code).len();
    say(&format!("the bank account takes {dense} dense lines, {} after rustfmt", code.len()));
    if dense > LINES_MAX {
        return Err(format!("more than {LINES_MAX} dense lines"));
    }
    Ok(())
}

/// The longest line in dense code.
const WIDTH: usize = 110;

/// Joins what belongs together onto one line while it fits: a short block or list and its braces, as one
/// writes it on a slide.
fn dense(code: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut i = 0;
    while i < code.len() {
        let block = code[i].ends_with('{').then(|| end_of_block(&code[i..])).flatten();
        match block {
            Some(length) if joined(&code[i..i + length]).len() <= WIDTH => {
                lines.push(joined(&code[i..i + length]));
                i += length;
            }
            _ => {
                lines.push(code[i].to_owned());
                i += 1;
            }
        }
    }
    lines
}

fn joined(lines: &[&str]) -> String {
    lines.join(" ").replace(", }", " }")
}

/// How many lines the block takes that the first line opens.
fn end_of_block(code: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, line) in code.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        if depth == 0 {
            return Some(i + 1);
        }
    }
    None
}
