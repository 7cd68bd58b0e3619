//! One JSON object for programs.

use serde::Serialize;

use crate::diff::{Change, Diff, EventDiff, Level};
use crate::render::written;

/// One JSON object. Members may be added to it; what is there stays and keeps its meaning.
///
/// ```json
/// {
///   "annals_diff": 1,
///   "level": "breaking",
///   "summary": { "breaking": 1, "rebuild": 0, "compatible": 2 },
///   "events": [{
///     "name": "OrderPlaced", "was": 1, "is": 2, "level": "breaking", "same": false,
///     "stored": [{ "version": 1, "fate": "lost" }]
///   }],
///   "changes": [{
///     "level": "breaking", "kind": "upcast-missing", "path": "events.OrderPlaced",
///     "message": "…", "mend": "upcast: { 1: { add: { channel: … } } }"
///   }]
/// }
/// ```
///
/// A fate is `read`, `lost`, `lost-before` or `unknown`. `was` is null for a new event, `is` for one that is gone.
pub fn json(diff: &Diff) -> String {
    #[derive(Serialize)]
    struct Answer<'d> {
        annals_diff: u8,
        level: Level,
        summary: Summary,
        events: &'d [EventDiff],
        changes: &'d [Change],
    }
    #[derive(Serialize)]
    struct Summary {
        breaking: usize,
        rebuild: usize,
        compatible: usize,
    }
    written(&Answer {
        annals_diff: 1,
        level: diff.level(),
        summary: Summary {
            breaking: diff.count(Level::Breaking),
            rebuild: diff.count(Level::Rebuild),
            compatible: diff.count(Level::Compatible),
        },
        events: &diff.events,
        changes: &diff.changes,
    })
}
