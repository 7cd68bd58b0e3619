use super::on_store::{as_far_as_read, at_column, at_table};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::model::{Model, SnapshotRule};
use crate::shape::roles::{Roles, Snapshots};
use crate::shape::{Kind, Product, StoreShape};
use crate::text::Texts;

pub(super) static RULE: Rule = Rule {
    id: "AN602",
    name: "snapshot-no-version",
    severity: Severity::Error,
    reads: &[Input::Model, Input::Store],
    what: "a snapshot does not say for which version of the code its state is",
    why: "A snapshot is what last year's code made of the events. When the state gets a field, or the fold is put \
          right, the old snapshot still loads, with the field empty and the mistake in it, and what is decided on \
          it is wrong for those streams alone that are long enough to have one.",
    mend: &[
        Mend {
            on: "",
            text: "A version of the state that is raised whenever the state or its fold changes. A snapshot of \
                   another version is not read: the events are, and a new one is kept.",
        },
        Mend { on: "", text: "In a model: `snapshot: { state: StockLevel@2 }`." },
        Mend {
            on: "PostgreSQL",
            text: "```sql\nALTER TABLE snapshots ADD COLUMN state_version integer NOT NULL DEFAULT 1;\n```",
        },
        Mend { on: "MySQL", text: "```sql\nALTER TABLE snapshots ADD COLUMN state_version INT NOT NULL DEFAULT 1;\n```" },
        Mend { on: "SQL Server", text: "```sql\nALTER TABLE snapshots ADD state_version int NOT NULL DEFAULT 1;\n```" },
        Mend { on: "SQLite", text: "```sql\nALTER TABLE snapshots ADD COLUMN state_version INTEGER NOT NULL DEFAULT 1;\n```" },
    ],
    leave: "Where the version is in the state itself and is looked at before the rest is read, or where every \
            release throws all snapshots away.",
    sources: &["https://leanpub.com/esversioning"],
    bad: &[
        Example::Model(
            "streams:\n  stock: { key: 'stock-{sku}', why: stock, concurrency: expected-version, snapshot: { every: 500, state: StockLevel } }\n",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE TABLE snapshots (stream_id text PRIMARY KEY, version bigint NOT NULL, state jsonb NOT NULL);",
        ),
    ],
    good: &[
        Example::Model(
            "streams:\n  stock: { key: 'stock-{sku}', why: stock, concurrency: expected-version, snapshot: { every: 500, state: StockLevel@2 } }\n",
        ),
        Example::Sql(
            "CREATE TABLE events (stream_id text NOT NULL, version bigint NOT NULL, event_type text NOT NULL, payload jsonb NOT NULL, PRIMARY KEY (stream_id, version));
CREATE TABLE snapshots (stream_id text PRIMARY KEY, version bigint NOT NULL, state_version int NOT NULL, state jsonb NOT NULL);",
        ),
        // Snapshots of disks are not those of streams.
        Example::Sql("CREATE TABLE disk_snapshots (id uuid PRIMARY KEY, disk_id uuid NOT NULL, data bytea);"),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    if let Some(model) = &subject.model {
        of_model(rule, model, &subject.texts, findings);
    }
    for store in &subject.stores {
        for snapshots in &Roles::of(store).snapshots {
            of_store(rule, store, snapshots, findings);
        }
    }
}

fn of_model(rule: &'static Rule, model: &Model, texts: &Texts, findings: &mut Findings) {
    for stream in &model.streams {
        let Some(snapshot) = &stream.it.snapshot else { continue };
        if !says_version(snapshot) {
            findings.add(unversioned(rule, &stream.name.value, snapshot, texts));
        }
    }
}

fn says_version(snapshot: &SnapshotRule) -> bool {
    let version = snapshot.state.as_ref().and_then(|state| state.value.split_once('@'));
    version.is_some_and(|(name, version)| !name.trim().is_empty() && !version.trim().is_empty())
}

fn unversioned(rule: &'static Rule, stream: &str, snapshot: &SnapshotRule, texts: &Texts) -> Finding {
    let path = format!("streams.{stream}.snapshot");
    let Some(state) = &snapshot.state else {
        let message = format!("snapshots of {stream} name neither their state nor its version");
        return Finding::new(rule, Place::new(path, snapshot.span), message).help("state: Name@1");
    };
    let name = state.value.trim_end_matches('@');
    let message = format!("snapshots of {stream} do not say for which version of {name} they are");
    let finding = Finding::new(rule, Place::new(format!("{path}.state"), state.span), message)
        .help(format!("state: {name}@1, and a higher number whenever {name} or its fold changes"));
    let stands_bare = texts.at(state.span) == state.value;
    if stands_bare { finding.edit(state.span, format!("{name}@1")) } else { finding }
}

fn of_store(rule: &'static Rule, store: &StoreShape, snapshots: &Snapshots<'_>, findings: &mut Findings) {
    let table = snapshots.table;
    if let Some(version) = snapshots.state_version {
        findings.good(
            rule,
            format!("snapshots have a version ({})", version.name),
            at_column(table, version),
        );
        return;
    }
    // Of a collection only those fields are known that an index or a sample names.
    if matches!(store.product, Some(Product::Mongo | Product::Cosmos)) {
        return;
    }
    let message = format!(
        "snapshots in {} do not say for which version of the code they are{}",
        table.name,
        as_far_as_read(store)
    );
    let add = match store.product {
        Some(Product::SqlServer) => "ADD state_version int NOT NULL DEFAULT 1",
        _ => "ADD COLUMN state_version integer NOT NULL DEFAULT 1",
    };
    let finding = Finding::new(rule, at_table(table), message)
        .and(at_column(table, snapshots.state).saying("the state"))
        .help(format!("ALTER TABLE {} {add};", table.name));
    // It may stand in the state, or beside it.
    findings.add(match snapshots.metadata {
        Some(metadata) => {
            let place = at_column(table, metadata).saying("leave it if the version stands here");
            finding.severity(Severity::Note).and(place)
        }
        None if snapshots.state.kind == Kind::Bytes => finding.severity(Severity::Note),
        None => finding.severity(Severity::Warning),
    });
}
