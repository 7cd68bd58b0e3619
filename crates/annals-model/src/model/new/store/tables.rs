//! What tables tell without a look at events.

use crate::model::{Field, FieldType, Named, Projection};
use crate::shape::roles::Roles;
use crate::shape::{Kind, StoreShape, Table};
use crate::text::At;

use super::super::names::{snake, words};

/// So many tables beside the log are taken for read models; a store with more is a database of much else.
const PROJECTIONS_MAX: usize = 30;

/// The tables that events are appended to.
pub(super) fn logs(store: &StoreShape) -> impl Iterator<Item = &Table> {
    Roles::of(store).logs.into_iter().map(|log| log.table)
}

fn is_version(column: &str) -> bool {
    const CALLED: [&str; 10] =
        ["version", "sequence", "seq", "revision", "number", "position", "nr", "no", "playhead", "ordinal"];
    words(column).last().is_some_and(|word| CALLED.contains(&word.as_str()))
}

/// Whether no two events can have the same version of a stream.
pub(super) fn has_version_guard(log: &Table) -> bool {
    log.keys.iter().any(|key| {
        let columns: Vec<&str> = key.columns().collect();
        key.is_unique() && columns.len() > 1 && columns.iter().any(|column| is_version(column))
    })
}

/// The stream that a log is of by its name: `order` of `order_events`.
pub(super) fn stream_of(log: &Table) -> Option<String> {
    const NO_STREAMS: [&str; 12] =
        ["domain", "stored", "store", "event", "events", "es", "all", "raw", "mt", "app", "system", "outbox"];
    let words = words(log.plain_name());
    let (last, rest) = words.split_last()?;
    let is_of_one = matches!(last.as_str(), "events" | "event" | "log") && !rest.is_empty();
    let is_stream = !rest.iter().any(|word| NO_STREAMS.contains(&word.as_str()));
    (is_of_one && is_stream).then(|| rest.join("_"))
}

/// The event types that a condition of a log names: `CHECK (type IN ('OrderPlaced', 'OrderShipped'))`.
pub(super) fn types(store: &StoreShape) -> Vec<String> {
    let mut types = Vec::new();
    for check in logs(store).flat_map(|log| &log.checks) {
        let expression = check.expression.to_lowercase();
        let is_of_type = expression.contains("type") || expression.contains("event_name");
        let is_list =
            expression.contains(" in ") || expression.contains(" in(") || expression.contains(" any");
        if !is_of_type || !is_list {
            continue;
        }
        // Every second piece is in quotes.
        for name in check.expression.split('\'').skip(1).step_by(2) {
            let is_name = name.chars().next().is_some_and(char::is_alphabetic)
                && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
            if is_name && !types.iter().any(|known| known == name) {
                types.push(name.to_owned());
            }
        }
    }
    types
}

/// The tables beside the log, as the read models that they may be.
pub(super) fn projections(store: &StoreShape) -> Vec<(String, Projection)> {
    const NO_READ_MODELS: [&str; 23] = [
        "snapshot",
        "snapshots",
        "store",
        "checkpoint",
        "checkpoints",
        "offset",
        "offsets",
        "subscription",
        "subscriptions",
        "outbox",
        "inbox",
        "stream",
        "streams",
        "migration",
        "migrations",
        "history",
        "lock",
        "locks",
        "lease",
        "leases",
        "token",
        "tokens",
        "meta",
    ];
    let roles = Roles::of(store);
    let beside = [&roles.streams, &roles.joins, &roles.tags, &roles.checkpoints, &roles.outboxes];
    let mut others: Vec<&Table> = beside.into_iter().flatten().copied().collect();
    others.extend(roles.logs.iter().map(|log| log.table));
    others.extend(roles.snapshots.iter().map(|snapshots| snapshots.table));
    let is_read_model = |table: &&Table| {
        !others.iter().any(|other| std::ptr::eq(*other, *table))
            && !table.columns.is_empty()
            && !words(table.plain_name()).iter().any(|word| NO_READ_MODELS.contains(&word.as_str()))
    };
    let tables: Vec<&Table> =
        store.tables.iter().filter(|table| !table.is_view).filter(is_read_model).collect();
    if roles.logs.is_empty() || tables.len() > PROJECTIONS_MAX {
        return Vec::new();
    }
    tables.into_iter().map(|table| (snake(table.plain_name()), projection(table))).collect()
}

fn projection(table: &Table) -> Projection {
    let primary = table.keys.iter().find(|key| key.kind == crate::shape::KeyKind::Primary);
    let key: Vec<&str> = primary.map(|key| key.columns().collect()).unwrap_or_default();
    let fields = table.columns.iter().filter(|column| column.kind != Kind::RowVersion).map(|column| {
        let it = Field {
            kind: At::nowhere(FieldType::Name(kind(column.kind).to_owned())),
            is_optional: table.may_be_null(column),
            privacy: None,
            computed: None,
            note: None,
        };
        Named { name: At::nowhere(column.name.clone()), it }
    });
    Projection {
        key: if let [one] = key.as_slice() { Some(At::nowhere((*one).to_owned())) } else { None },
        fields: fields.collect(),
        ..Projection::default()
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer(_) => "int",
        Kind::Decimal => "decimal",
        Kind::Float => "float",
        Kind::Text | Kind::Char => "text",
        Kind::Uuid => "uuid",
        Kind::Bytes => "bytes",
        Kind::Bool => "bool",
        Kind::Instant | Kind::LocalTime => "time",
        Kind::Date => "date",
        Kind::Json | Kind::RowVersion | Kind::List | Kind::Document | Kind::Other => "json",
    }
}
