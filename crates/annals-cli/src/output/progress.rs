//! How far something is that takes long, on standard error where that is a terminal.

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::note;

/// How far an import or export is, on standard error where that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Progress through the bytes of a file; without an end where the length is not known.
    pub(crate) fn bytes(total: Option<u64>) -> Self {
        match total {
            Some(total) => Self::new(
                ProgressBar::new(total),
                "{wide_bar} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left",
            ),
            None => Self::new(ProgressBar::no_length(), "{spinner} {bytes}, {binary_bytes_per_sec}"),
        }
    }

    /// Progress through the positions of the log. Events that go to a terminal are progress enough.
    pub(crate) fn positions(last: u64, to_stdout: bool) -> Self {
        let shown = !(to_stdout && Term::stdout().is_term());
        let bar = if shown { ProgressBar::new(last) } else { ProgressBar::hidden() };
        Self::new(bar, "{wide_bar} position {pos}/{len}, {per_sec}, {eta} left")
    }

    /// Progress of something that takes a while and cannot say how long.
    pub(crate) fn waiting(for_what: &str) -> Self {
        let bar = Self::new(ProgressBar::no_length(), "{spinner} {msg} ({elapsed})");
        bar.0.set_message(for_what.to_owned());
        bar.0.enable_steady_tick(std::time::Duration::from_millis(100));
        bar
    }

    /// Progress through a number of things.
    pub(crate) fn count(total: u64, things: &str) -> Self {
        Self::new(
            ProgressBar::new(total),
            &format!("{{wide_bar}} {{pos}}/{{len}} {things}, {{per_sec}}, {{eta}} left"),
        )
    }

    fn new(bar: ProgressBar, template: &str) -> Self {
        // Only a mistake in the template fails, and then the default will do.
        Self(bar.with_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        ))
    }

    pub(crate) fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    pub(crate) fn reach(&self, place: u64) {
        self.0.set_position(place);
    }

    /// Takes the bar away.
    pub(crate) fn clear(self) {
        self.0.finish_and_clear();
    }

    /// Takes the bar away and says how it went.
    pub(crate) fn finish(self, summary: &str) {
        self.0.finish_and_clear();
        note(summary);
    }
}
