//! Findings made by hand, and texts that are kept to be compared with.

use std::fs;
use std::path::Path;

use annals_model::Subject;
use annals_model::finding::{Finding, Findings, Good, Place, Severity};
use annals_model::review::{Report, Source};
use annals_model::rules::{self, Example, Input, Mend, Rule};
use annals_model::text::{FileId, Span, Texts};

/// Compares with `tests/expected/NAME`, or writes it where `ANNALS_UPDATE_EXPECTED` is set.
pub(crate) fn expect(name: &str, shown: &str) {
    // No release changes what is expected.
    let version = concat!("\"semanticVersion\": \"", env!("CARGO_PKG_VERSION"), "\"");
    let shown = &shown.replace(version, "\"semanticVersion\": \"VERSION\"");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    if std::env::var_os("ANNALS_UPDATE_EXPECTED").is_some() {
        fs::write(&path, shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        expected == *shown,
        "{name} is not as expected; ANNALS_UPDATE_EXPECTED=1 writes it anew. It is:\n{shown}"
    );
}

fn asks_nothing(_: &'static Rule, _: &Subject, _: &mut Findings) {}

pub(crate) static GUARD: Rule = Rule {
    id: "AN203",
    name: "guard-with-null",
    severity: Severity::Error,
    reads: &[Input::Store],
    what: "a column of the version guard may be NULL",
    why: "The database accepts any number of rows with NULL in a unique key, so that optimistic concurrency is off \
          for them.",
    mend: &[
        Mend { on: "", text: "Make the columns of the key NOT NULL." },
        Mend { on: "", text: "Give events without a stream a table of their own." },
        Mend {
            on: "PostgreSQL",
            text: "From version 15 the key itself can refuse it:\n\n```sql\nALTER TABLE events ADD UNIQUE NULLS NOT \
                   DISTINCT (stream, version);\n```",
        },
        Mend {
            on: "SQL Server",
            text: "A unique key takes one NULL here, not any number; it is wrong all the same.",
        },
    ],
    leave: "Never: NOT NULL costs nothing.",
    sources: &["https://www.postgresql.org/docs/current/ddl-constraints.html"],
    bad: &[Example::Sql(
        "CREATE TABLE events (\n  stream uuid,\n  version bigint,\n  UNIQUE (stream, version)\n);\n",
    )],
    good: &[Example::Sql(
        "CREATE TABLE events (stream uuid, version bigint, PRIMARY KEY (stream, version));\n",
    )],
    check: asks_nothing,
};

pub(crate) static POSITION: Rule = Rule {
    id: "AN207",
    name: "gap-unsafe-position",
    severity: Severity::Warning,
    what: "readers that follow the position can skip events",
    why: "Numbers are given before commit, so that a slow writer appears behind a reader that has passed it.",
    ..GUARD
};

pub(crate) static MAIL: Rule = Rule {
    id: "AN701",
    name: "pii-in-clear",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Sample],
    what: "events hold personal data that cannot be erased",
    why: "What is in the log stays in the log.",
    ..GUARD
};

pub(crate) static CLEAN: Rule = Rule { id: "AN201", name: "no-version-guard", ..GUARD };

pub(crate) static POLICY: Rule = Rule {
    id: "AN301",
    name: "no-concurrency-policy",
    severity: Severity::Error,
    reads: &[Input::Model],
    what: "a stream does not say what guards its appends",
    why: "Two users who decide at the same time both read the same state. Without an expected version the second \
          one's events rest on what is no longer true, and nothing says so.",
    leave: "Where events are facts that nobody decides.",
    bad: &[Example::Change("streams: {}\n", "streams:\n  order: {}\n")],
    good: &[Example::Events("{\"type\": \"order-placed\"}\n")],
    ..GUARD
};

pub(crate) const SQL: &str = "\
-- The log of the shop.
CREATE TABLE event_store (
    id uuid NOT NULL UNIQUE,
    position bigserial PRIMARY KEY,
    aggregate_uuid uuid NOT NULL,
    event_type text NOT NULL,
    aggregate_version bigint,
    payload jsonb NOT NULL,
    UNIQUE (aggregate_uuid, aggregate_version)
);

DO $$ BEGIN PERFORM 1; END $$;
";

pub(crate) const YAML: &str = "\
annals: 1
context: shop
streams:
  order: { key: 'order-{order_id}', why: its total }
  stock: { key: 'stock-{sku}', why: what is on the shelf }
  meter: { key: 'meter-{id}', why: one device, concurrency: any }
  cart:  { key: 'cart-{id}', why: what is in it }
events:
  CustomerRegistered:
    stream: customer
    fields: { email: text }
";

/// Where a text stands in another, for the first time.
pub(crate) fn at(texts: &Texts, file: FileId, part: &str) -> Span {
    let start = texts.text(file).find(part).unwrap();
    Span { file, start, end: start + part.len() }
}

/// What a review of a schema finds.
pub(crate) fn of_schema() -> (Report, Texts) {
    let mut texts = Texts::default();
    let file = texts.add("db/event_store.sql", SQL);
    let at = |part: &str| at(&texts, file, part);
    let guard = "two events can take the same place in a stream";
    let version = "aggregate_version bigint";
    let insert = Span { file, start: at(version).end, end: at(version).end };
    let findings = vec![
        Finding::new(
            &GUARD,
            Place::new("event_store.aggregate_version", at("aggregate_version")).saying("may be NULL"),
            guard,
        )
        .and(
            Place::new("event_store.key", at("UNIQUE (aggregate_uuid, aggregate_version)"))
                .saying("never conflicts when a column is NULL"),
        )
        .help("give events without a stream a table of their own")
        .help("make the column NOT NULL")
        .edit(insert, " NOT NULL"),
        Finding::new(
            &POSITION,
            Place::new("event_store.position", at("position")).saying("numbers are taken before commit"),
            "a subscriber that reads `WHERE position > last` can skip events",
        )
        .help("add `transaction_id xid8` and read below pg_snapshot_xmin, or lock in the append function"),
        Finding::new(
            rules::find("AN221").unwrap(),
            Place::new("DO block", at("DO $$ BEGIN PERFORM 1; END $$")).saying("not reviewed"),
            "not read: DO block",
        ),
    ];
    let good = vec![
        Good {
            rule: &CLEAN,
            message: "event id unique".to_owned(),
            place: Place::new("event_store.id", at("id uuid")),
        },
        Good {
            rule: &CLEAN,
            message: "payload is checked JSON".to_owned(),
            place: Place::new("event_store.payload", at("payload jsonb")),
        },
    ];
    let sources = vec![Source::new("db/event_store.sql", Some(file), Input::Store, "1 table")];
    let report = Report { findings, good, checked: vec![&CLEAN], sources, ..Report::default() };
    (report, texts)
}

/// What a review of a model and a running store finds, some of it alike.
pub(crate) fn of_model_and_store() -> (Report, Texts) {
    let mut texts = Texts::default();
    let file = texts.add("annals.yaml", YAML);
    let at = |part: &str| at(&texts, file, part);
    let mut findings = vec![
        Finding::new(
            &MAIL,
            Place::new("CustomerRegistered.email", None).saying("100 of 100 look so"),
            "CustomerRegistered.email looks like mail addresses",
        )
        .and(
            Place::new("events.CustomerRegistered.fields.email", at("email: text"))
                .saying("no privacy class"),
        )
        .and(Place::new("events.tags", None).saying("the same is in the tags"))
        .help(
            "`{ is: text, privacy: personal }` for new events; for the old ones see `annals explain AN701`",
        ),
    ];
    for stream in ["order", "stock", "meter", "cart"] {
        let message = format!("stream {stream} does not say what guards its appends");
        let place = Place::new(format!("streams.{stream}"), at(&format!("{stream}: ")));
        let mut place = place;
        if let Some(span) = &mut place.span {
            span.end = span.start + stream.len();
        }
        findings.push(Finding::new(&POLICY, place, message).help("concurrency: expected-version"));
    }
    let place = "postgres://reader@db/shop";
    let sources = vec![
        Source::new("annals.yaml", Some(file), Input::Model, "4 streams, 1 event"),
        Source::new(
            place,
            None,
            Input::Sample,
            "12 event types, 2 400 of 1 812 554 events (values are not shown)",
        ),
    ];
    let report = Report { findings, sources, ..Report::default() };
    (report, texts)
}

/// What others can write into names and texts: it must not reach a terminal or a page as it is.
pub(crate) fn of_others() -> (Report, Texts) {
    let mut texts = Texts::default();
    let file = texts
        .add("evil\u{1b}[2J.sql", "CREATE TABLE \"a\u{9b}31m\tb\u{202e}\" (\r\n\tid int -- ünïcode ✓\r\n);");
    let at = |part: &str| at(&texts, file, part);
    let name = "a\u{1b}]0;title\u{7} @all #1 <img> `x` 50%, a:b\nsecond";
    let finding = Finding::new(
        &GUARD,
        Place::new(name, at("\"a\u{9b}31m\tb\u{202e}\"")).saying("label\u{1b}[0m"),
        format!("table {name} is wrong"),
    )
    .and(Place::new("id", at("✓")).saying("beyond\ttabs"))
    .help("help\u{1b}[31m ``` fence")
    .edit(at("int"), "bigint\u{1b}[0m");
    let live = Finding::new(&GUARD, Place::new("b\u{1b}c.d", None), "in no text");
    (Report { findings: vec![finding, live], ..Report::default() }, texts)
}
