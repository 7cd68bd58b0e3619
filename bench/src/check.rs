//! How long a review takes: of a model of 500 event types, and of 10,000 lines of DDL.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use annals_model::{Subject, model, render, shape};

use crate::subject::Outcome;

const EVENT_TYPES: usize = 500;
const DDL_LINES: usize = 10_000;

/// Reads what stands in the texts; says how much of it was not understood.
type Read = fn(&mut Subject) -> usize;

/// What either may take.
const TIME_MAX: Duration = Duration::from_secs(1);

/// Reviews both so many times and says what the parts took: the median of the rounds.
pub(crate) fn run(rounds: usize) -> Outcome<()> {
    let (model_text, ddl) = (model_text(), ddl());
    let mut out = std::io::stdout().lock();
    let mut slow = Vec::new();
    let reviews: [(&str, &str, Read); 2] = [("model", &model_text, read_model), ("DDL", &ddl, read_ddl)];
    for (name, text, read) in reviews {
        let mut taken = Vec::new();
        let mut said = String::new();
        for _ in 0..rounds {
            let mut subject = Subject::default();
            subject.texts.add(name, text);
            let began = Instant::now();
            let not_understood = read(&mut subject);
            let reading = began.elapsed();
            review(&subject);
            taken.push((began.elapsed(), reading));
            said = format!("{not_understood} not understood");
        }
        taken.sort();
        let (whole, reading) = taken.get(rounds / 2).copied().unwrap_or_default();
        writeln!(
            out,
            "{name:<6} {:>6} lines {:>5} KB   read {:>7.1} ms   rules {:>7.1} ms   {said}",
            text.lines().count(),
            text.len() / 1000,
            millis(reading),
            millis(whole.saturating_sub(reading)),
        )?;
        if whole > TIME_MAX {
            slow.push(name);
        }
    }
    if slow.is_empty() { Ok(()) } else { Err(format!("took more than a second: {}", slow.join(", ")).into()) }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn read_model(subject: &mut Subject) -> usize {
    let files: Vec<_> = subject.texts.files().collect();
    let (model, mistakes) = model::read(&subject.texts, &files);
    subject.model = Some(model);
    mistakes.len()
}

fn read_ddl(subject: &mut Subject) -> usize {
    let texts = &subject.texts;
    subject.stores = texts.files().map(|file| shape::sql::read(texts, file, None)).collect();
    subject.stores.iter().map(|store| store.unread.len()).sum()
}

fn review(subject: &Subject) {
    let report = annals_model::review::review(subject);
    std::hint::black_box(render::human(&report, &subject.texts, &render::Human::default()));
}

/// Ten event types a stream, with what belongs to them.
fn model_text() -> String {
    let mut text = String::from(
        "annals: 1\ncontext: bench\nprivacy:\n  personal: { erase: shred, key: customer_id, within: 30d }\n",
    );
    text.push_str("types:\n  Money: { amount_minor: int, currency: text }\nstreams:\n");
    for stream in 0..EVENT_TYPES / 10 {
        let _ = writeln!(
            text,
            "  thing{stream}:\n    key: thing{stream}-{{thing_id}}\n    why: what was paid for thing {stream} is what was ordered\n    concurrency: expected-version\n    length: {{ usual: 12, most: {} }}\n    retain: {{ for: 10y, then: archive, because: tax law }}",
            20 + stream
        );
    }
    text.push_str("events:\n");
    for event in 0..EVENT_TYPES {
        let stream = event / 10;
        let _ = writeln!(
            text,
            "  Thing{event}Changed:\n    stream: thing{stream}\n    version: 2\n    tags: [thing_id, customer_id]\n    fields:\n      thing_id: uuid\n      customer_id: {{ is: uuid, privacy: personal }}\n      total: Money\n      lines: [{{ sku: text, quantity: int, price: Money }}]\n      note{event}: text?\n      channel: {{ one-of: [web, shop, phone] }}\n    upcast:\n      1: {{ add: {{ channel: web }} }}"
        );
    }
    text.push_str("commands:\n");
    for event in 0..EVENT_TYPES {
        let stream = event / 10;
        let _ = writeln!(
            text,
            "  ChangeThing{event}: {{ stream: thing{stream}, once-per: command_id, emits: [Thing{event}Changed], rejects: [Gone] }}"
        );
    }
    text.push_str("projections:\n");
    for projection in 0..EVENT_TYPES / 10 {
        let from: Vec<String> = (0..10).map(|n| format!("Thing{}Changed", projection * 10 + n)).collect();
        let _ = writeln!(
            text,
            "  view{projection}:\n    from: [{}]\n    key: thing_id\n    fields: {{ thing_id: uuid, total: Money, changes: int }}\n    duplicates: skip-by-position\n    rebuild: side-by-side\n    lag: 2s",
            from.join(", ")
        );
    }
    text
}

/// A log, and tables beside it until there are lines enough.
fn ddl() -> String {
    let mut text = String::from(
        "CREATE TABLE events (\n  position bigserial PRIMARY KEY,\n  event_id uuid NOT NULL UNIQUE,\n  stream_id text NOT NULL,\n  version bigint NOT NULL,\n  type text NOT NULL,\n  data jsonb NOT NULL,\n  metadata jsonb,\n  created_at timestamptz NOT NULL DEFAULT now(),\n  UNIQUE (stream_id, version)\n);\n",
    );
    let mut lines = text.lines().count();
    for table in 0.. {
        if lines >= DDL_LINES {
            break;
        }
        let before = text.len();
        let _ = writeln!(
            text,
            "-- What is shown of things of kind {table}.\nCREATE TABLE view_{table} (\n  thing_id uuid PRIMARY KEY,\n  customer_id uuid REFERENCES customers (id) ON DELETE CASCADE,\n  name varchar(200) NOT NULL,\n  total numeric(12, 2) NOT NULL CHECK (total >= 0),\n  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),\n  changed_at timestamptz NOT NULL DEFAULT now()\n);\nCREATE INDEX view_{table}_customer ON view_{table} (customer_id, changed_at DESC) WHERE state = 'open';\nCREATE FUNCTION touch_{table}() RETURNS trigger AS $$\nBEGIN\n  NEW.changed_at := now();\n  RETURN NEW;\nEND\n$$ LANGUAGE plpgsql;\nCREATE TRIGGER touch_{table} BEFORE UPDATE ON view_{table} FOR EACH ROW EXECUTE FUNCTION touch_{table}();\nGRANT SELECT ON view_{table} TO reader;"
        );
        lines += text.get(before..).map_or(0, |added| added.lines().count());
    }
    text
}
