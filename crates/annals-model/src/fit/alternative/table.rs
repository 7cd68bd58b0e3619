//! A table, with a version against lost updates.

use super::script::Writer;

pub(super) fn write(writer: &mut Writer) {
    writer.say("One row for each, changed in place.");
    writer.create_table(&[], "");
    let update = writer.example_update();
    writer.say(format!(
        "Every change names the version that was read. Where no row is changed, somebody else was\n\
         faster: read again, decide again.\n\n{}",
        indented(&update)
    ));
}

/// Code inside a comment.
pub(super) fn indented(code: &str) -> String {
    code.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
