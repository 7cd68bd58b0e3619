//! The tables beside an event log.

use super::super::Table;
use super::words::{self, called, is_document, is_number, is_word};
use super::{Snapshots, StreamJoin};

/// Which event is in which stream: three columns and nothing of the event itself.
pub(super) fn join(table: &Table) -> Option<StreamJoin<'_>> {
    let event_id = called(table, &["eventid", "eventuuid", "messageid"], |_| true)?;
    let stream = called(table, words::STREAM, |_| true)?;
    let version = called(table, words::VERSION, |column| is_number(column) && !column.is_counted)?;
    let holds_more = called(table, words::PAYLOAD, is_document).is_some()
        || called(table, &["eventtype", "type", "tag"], |_| true).is_some();
    (!holds_more).then_some(StreamJoin { table, event_id, stream, version })
}

/// The tags of events.
pub(super) fn is_tags(table: &Table) -> bool {
    let is_called = has_word(table, &["tag", "tags", "eventtags", "keys"]);
    let names_tag =
        called(table, &["tag", "tagname", "tagvalue", "tagkey", "value", "key"], |_| true).is_some();
    let refers = called(
        table,
        &["eventid", "position", "globalposition", "sequencenumber", "sequenceposition", "seqid", "ordering"],
        |_| true,
    );
    is_called && names_tag && refers.is_some() && called(table, words::PAYLOAD, is_document).is_none()
}

/// States that were folded.
pub(super) fn snapshots(table: &Table) -> Option<Snapshots<'_>> {
    if !has_word(table, &["snapshot", "snapshots"]) {
        return None;
    }
    let names: Vec<&str> = STATE.iter().chain(words::PAYLOAD).copied().collect();
    let state = called(table, &names, is_document)?;
    let is_other = |column: &super::Column| !std::ptr::eq(column, state);
    Some(Snapshots {
        table,
        state,
        state_version: called(table, STATE_VERSION, is_other),
        metadata: called(table, words::METADATA, |column| is_other(column) && is_document(column)),
    })
}

const STATE: &[&str] = &[
    "state",
    "statedata",
    "statejson",
    "snapshot",
    "snapshotdata",
    "snapshotpayload",
    "snapshotstate",
    "snapshotjson",
    "aggregatestate",
    "aggregatedata",
    "aggregate",
];

const STATE_VERSION: &[&str] = &[
    "stateversion",
    "stateschemaversion",
    "snapshotversion",
    "snapshotschemaversion",
    "schemaversion",
    "payloadrevision",
    "payloadversion",
    "dataversion",
    "typeversion",
    "formatversion",
    "format",
    "manifest",
    "sermanifest",
    "snapshotsermanifest",
    "statesermanifest",
    "codeversion",
    "codehash",
    "fingerprint",
];

/// Messages on their way to somewhere.
pub(super) fn is_outbox(table: &Table) -> bool {
    let is_called = has_word(table, &["outbox", "outgoing", "dispatch"]);
    is_called && (called(table, words::PAYLOAD, is_document).is_some() || !table.columns.is_empty())
}

/// How far a reader has come: who, and where.
pub(super) fn is_checkpoints(table: &Table) -> bool {
    let is_called = has_word(
        table,
        &[
            "checkpoint",
            "checkpoints",
            "subscription",
            "subscriptions",
            "subscriber",
            "subscribers",
            "offset",
            "offsets",
            "progression",
            "progress",
            "tracking",
            "token",
            "tokens",
            "cursor",
            "cursors",
            "projection",
            "projections",
            "consumer",
            "consumers",
            "listener",
            "listeners",
            "bookmark",
            "bookmarks",
        ],
    );
    is_called && table.columns.iter().any(|column| names_progress(&words::plain(&column.name)))
}

fn names_progress(name: &str) -> bool {
    ["position", "checkpoint", "offset", "lastseen", "lastseq", "lastevent", "lastprocessed", "token"]
        .iter()
        .any(|progress| name.contains(progress))
        || ["notificationid", "lastid", "sequence", "lasttransactionid"].contains(&name)
}

/// A row for each stream.
pub(super) fn is_streams(table: &Table) -> bool {
    let is_called = has_word(table, &["stream", "streams", "aggregate", "aggregates"]);
    let has_stream = called(table, words::STREAM, |_| true).or_else(|| called(table, &["id"], is_word));
    is_called && has_stream.is_some() && called(table, words::VERSION, is_number).is_some()
}

/// Rows that are made from events, as far as the name tells.
pub(super) fn is_read(table: &Table) -> bool {
    let joined = words::words(table.plain_name()).concat();
    has_word(table, &["view", "views", "projection", "projections", "read", "rm", "readmodel", "readmodels"])
        || joined.contains("readmodel")
        || called(table, &["lastposition", "lasteventposition", "lasteventnumber", "lasteventid"], |_| true)
            .is_some()
}

fn has_word(table: &Table, these: &[&str]) -> bool {
    words::words(table.plain_name()).iter().any(|word| these.contains(&word.as_str()))
}
