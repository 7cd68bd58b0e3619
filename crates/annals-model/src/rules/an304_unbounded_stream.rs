use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Model, Named, Stream};
use crate::sample::CategorySample;

pub(super) static RULE: Rule = Rule {
    id: "AN304",
    name: "unbounded-stream",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Sample],
    what: "a stream grows without end, and nothing keeps the cost of reading it",
    why: "Every decision reads its stream. One that never ends is read a little slower each day, keeps every old \
          form of its events alive, and cannot be archived because it is never over.",
    mend: &[
        Mend {
            on: "",
            text: "Close the books: a stream for each shift, month or season, whose first event carries over what the \
                   last one ended with.",
        },
        Mend { on: "", text: "Find the event after which there are no more, and name it in `closes:`." },
        Mend {
            on: "",
            text: "`snapshot: { every: 500, state: StockLevel@1, because: … }` where neither fits, with what was measured.",
        },
    ],
    leave: "Where nothing decides on the stream and it is only read from a position on.",
    sources: &[
        "https://www.kurrent.io/blog/keep-your-streams-short-temporal-modelling-for-fast-reads-and-optimal-data-retention",
        "https://learn.microsoft.com/azure/architecture/patterns/event-sourcing",
    ],
    bad: &[
        Example::Model(
            "streams:\n  stock: { key: 'stock-{sku}', length: { usual: 40000, most: unbounded } }\n",
        ),
        Example::Model("streams:\n  meter: { key: 'meter-{id}', length: { most: unbounded } }\n"),
        Example::Model("streams:\n  till: { key: 'till-{id}', length: { usual: 5000, most: 20000 } }\n"),
    ],
    good: &[
        Example::Model(
            "streams:
  order: { key: 'order-{id}', length: { usual: 12, most: 200 }, closes: [OrderShipped] }
  stock:
    key: stock-{sku}
    length: { usual: 40000, most: unbounded }
    snapshot: { every: 500, state: StockLevel@1, because: measured }
  customer: { key: 'customer-{id}', length: { usual: 20, most: 500 } }
  note: { key: 'note-{id}' }
  thread: { key: 'thread-{id}', length: { usual: 30, most: unbounded }, closes: [ThreadClosed] }
events:
  OrderShipped: { stream: order }
  ThreadClosed: { stream: thread }
",
        ),
        Example::Events("{\"stream_id\":\"order-1\",\"version\":1,\"type\":\"order-placed\"}"),
    ],
    check,
};

/// More events than this are felt when a decision reads them all.
const LONG: u64 = 1_000;

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for stream in subject.model.iter().flat_map(|model| &model.streams) {
        if let Some((message, span)) = grows(stream) {
            let name = &stream.name.value;
            findings.add(
                Finding::new(rule, Place::new(format!("streams.{name}.length"), span), message)
                    .help(format!("name the event that ends a `{name}` in closes:, or let each period have a stream of its own"))
                    .help("or say snapshot: with what was measured"),
            );
        }
    }
    let Some(sample) = &subject.sample else { return };
    for (name, category) in &sample.categories {
        // Streams of the store itself, such as `$stats`, are not decided on.
        if category.longest > LONG && !name.starts_with('$') && !has_snapshot(subject.model.as_ref(), name) {
            findings.add(of_category(rule, name, category));
        }
    }
}

fn grows(stream: &Named<Stream>) -> Option<(String, crate::text::Span)> {
    let (name, it) = (&stream.name.value, &stream.it);
    let length = it.length.as_ref()?;
    if it.snapshot.is_some() {
        return None;
    }
    let span = length.span.unwrap_or(stream.name.span);
    if let Some(usual) = length.usual.as_ref().filter(|usual| usual.value > LONG) {
        let message = format!("stream `{name}` usually has {} events, and no snapshot", usual.value);
        return Some((message, span));
    }
    let never_ends = length.most.as_ref().is_some_and(|most| most.value.is_none()) && it.closes.is_empty();
    never_ends
        .then(|| (format!("stream `{name}` never ends: no event closes it, and there is no snapshot"), span))
}

/// Whether the model keeps snapshots of the streams of a category.
fn has_snapshot(model: Option<&Model>, category: &str) -> bool {
    model.into_iter().flat_map(|model| &model.streams).any(|stream| {
        let key = stream.it.key.as_ref().map_or(stream.name.value.as_str(), |key| &key.value);
        stream.it.snapshot.is_some() && key.split(['-', '/', '{']).next() == Some(category)
    })
}

fn of_category(rule: &'static Rule, name: &str, category: &CategorySample) -> Finding {
    let streams = if name.is_empty() { "streams".to_owned() } else { format!("streams of `{name}`") };
    let is_usual = category.most > LONG;
    let message = if is_usual {
        format!(
            "{streams} are long: one in ten has {} events or more, the longest {}",
            category.most, category.longest
        )
    } else {
        format!(
            "one of the {streams} has {} events, where nine in ten have {} at most",
            category.longest, category.most
        )
    };
    let help = if is_usual {
        "close streams by period, or keep snapshots of their state"
    } else {
        "look at what this one is about: it may be a test, an import, or two things in one stream"
    };
    let severity = if is_usual { Severity::Warning } else { Severity::Note };
    Finding::new(rule, Place::new(name, None), message).severity(severity).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    fn said(longest: u64, most: u64) -> Vec<(Severity, String)> {
        let mut sample = Sample::default();
        let category = CategorySample { streams: 20, longest, most, ..CategorySample::default() };
        sample.categories.insert("stock".to_owned(), category);
        let subject = Subject { sample: Some(sample), ..Subject::default() };
        let mut findings = Findings::default();
        check(&RULE, &subject, &mut findings);
        findings.findings.into_iter().map(|finding| (finding.severity, finding.message)).collect()
    }

    #[test]
    fn long_streams_of_a_store_are_told_with_their_lengths() {
        assert_eq!(said(1_000, 1_000), []);
        let (severity, message) = said(40_000, 12).remove(0);
        assert_eq!(severity, Severity::Note);
        assert_eq!(
            message,
            "one of the streams of `stock` has 40000 events, where nine in ten have 12 at most"
        );
        assert_eq!(said(40_000, 9_000).remove(0).0, Severity::Warning);
    }
}
