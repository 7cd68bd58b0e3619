use super::shared::counted;
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};

pub(super) static RULE: Rule = Rule {
    id: "AN311",
    name: "version-holes",
    severity: Severity::Error,
    reads: &[Input::Sample],
    what: "versions of a stream are missing or there twice",
    why: "Versions are given one after the other. A hole says that an event was deleted, or written by something \
          that does not count; two events with one version say that two writers both believed they were alone. \
          Either way a state that is folded from the stream is not the one that was decided on.",
    mend: &[
        Mend {
            on: "",
            text: "Put a unique key over stream and version, so that the database refuses the second one: AN201.",
        },
        Mend {
            on: "",
            text: "Take the right to change and delete events from the accounts of the application: AN204.",
        },
        Mend {
            on: "",
            text: "Look at the streams concerned, and write an event that puts right what was decided on a wrong state. \
                   Do not renumber.",
        },
    ],
    leave: "Where the version is a position in the whole store, which has holes in every stream.",
    sources: &["https://learn.microsoft.com/azure/architecture/patterns/event-sourcing"],
    bad: &[
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"position\":1,\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":3,\"position\":2,\"type\":\"order-shipped\"}",
        ),
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"event_id\":\"a\",\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":1,\"event_id\":\"b\",\"type\":\"order-shipped\"}",
        ),
    ],
    good: &[
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"position\":1,\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":2,\"position\":2,\"type\":\"order-shipped\"}",
        ),
        // Older events are in an archive.
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":7,\"position\":1,\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":8,\"position\":2,\"type\":\"order-shipped\"}",
        ),
        // Some types were left out of the file: other events have the positions between.
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"position\":1,\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":3,\"position\":9,\"type\":\"order-shipped\"}",
        ),
        // The same event twice is in the file twice.
        Example::Events(
            "{\"stream_id\":\"order-1\",\"version\":1,\"event_id\":\"a\",\"type\":\"order-placed\"}
{\"stream_id\":\"order-1\",\"version\":1,\"event_id\":\"a\",\"type\":\"order-placed\"}",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    let Some(sample) = &subject.sample else { return };
    for (name, category) in &sample.categories {
        let of = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
        let streams = counted(category.versions_read, "stream", "streams");
        if category.with_holes == 0 && category.versions_read > 1 {
            let place = Place::new(name.clone(), None);
            findings.good(rule, format!("versions without holes in {streams}{of}"), place);
        }
        if category.with_holes == 0 || category.versions_read == 0 || is_position(category) {
            continue;
        }
        let have = if category.with_holes == 1 { "has" } else { "have" };
        let message = format!(
            "{} of {streams}{of} {have} versions that are missing or there twice",
            category.with_holes
        );
        findings.add(
            Finding::new(rule, Place::new(name.clone(), None), message)
                .help("find out who deleted or wrote them: look at the rights on the log, and at the key over stream and version"),
        );
    }
}

/// Where nearly every one of many streams has holes, the number counts something else than the events of a stream.
fn is_position(category: &crate::sample::CategorySample) -> bool {
    let of_more = category.streams.saturating_sub(category.of_one);
    of_more >= 10 && category.with_holes * 10 >= of_more * 9
}
