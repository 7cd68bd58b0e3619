//! The page of each database, and what the parts of a model are called there. The pages are those of docs/databases,
//! kept here too so that the crate is whole by itself; a test keeps them equal.

use crate::names::kebab;

use super::Database;

/// What a database calls the parts of a model.
pub(super) struct Words {
    /// What stands in front of the table of streams.
    pub(super) streams: &'static str,
    /// How events of one type are found.
    pub(super) by_type: &'static str,
    /// How events with a tag are found.
    pub(super) by_tag: &'static str,
    /// How a decision across streams is guarded.
    pub(super) boundary: &'static str,
    /// What a projection follows.
    pub(super) feed: &'static str,
    /// How old events go.
    pub(super) retention: &'static str,
    /// What a long stream means.
    pub(super) long: &'static str,
}

/// The SQL databases have these alike, but for the feed.
const SQL: Words = Words {
    streams: "A stream's id stands in `stream_id`.",
    by_type: "an index on (event_type, position)",
    by_tag: "a table event_tags with the key (tag, position)",
    boundary: "looks for the tag behind the position that was read, behind the lock of the head, before it inserts",
    feed: "reads `position` behind its checkpoint, which is written in the transaction of its rows",
    retention: "copied to an archive by a role that does nothing else; the guard is switched off for that role alone",
    long: "reads by (stream_id, stream_version) stay fast, folding does not",
};

impl Words {
    pub(super) fn of(on: Database) -> Self {
        match on {
            Database::Ansi => Self {
                by_type: "the index events_by_type",
                by_tag: "the table event_tags",
                feed: "reads `log_position` behind its checkpoint, which is written in the transaction of its rows",
                ..SQL
            },
            Database::Postgres => Self {
                feed: "listens for NOTIFY, then reads `position` behind its checkpoint, which is written in the \
                       transaction of its rows",
                ..SQL
            },
            Database::Sqlite | Database::Mysql | Database::Mariadb | Database::Sqlserver => SQL,
            Database::Mongodb => Self {
                streams: "A stream's id stands in `stream_id`, which is also the shard key.",
                by_type: "an index on { type: 1, position: 1 }",
                by_tag: "the index on { tags: 1, position: 1 }",
                boundary: "looks for the tag behind the position that was read, in the transaction that moves the head",
                feed: "follows the change stream of the collection, and keeps its resume token with its rows",
                retention: "moved to an archive by a role that may remove",
                long: "one document an event, so a stream may grow; folding it takes longer",
            },
            Database::Cosmosdb => Self {
                streams: "A stream's id stands in `stream_id`, the partition key: a stream is a logical partition.",
                by_type: "the indexed path /type/?",
                by_tag: "the indexed path /tags/[]/?, asked across partitions",
                boundary: "cannot be guarded across streams: put what has to agree into one stream",
                feed: "follows the change feed, which has the order of each stream and none among them",
                retention: "`ttl` of an item, or copied to an archive and deleted",
                long: "a logical partition holds at most 20 GB: close the stream and begin the next one",
            },
            Database::Eventsourcingdb => Self {
                streams: "A stream is a subject.",
                by_type: "EventQL over the type, behind your domain reversed: `io.example.shop.`",
                by_tag: "EventQL over the field in `data`: there are no tags",
                boundary: "is guarded by a precondition `isEventQlQueryTrue`",
                feed: "observes the subjects, and keeps the id of the last event with its rows",
                retention: "not removed one by one: keep what has an end in a store of its own",
                long: "reads begin with `fromLatestEvent` at the latest event that says it all",
            },
            Database::Kurrentdb => Self {
                streams: "A stream has its id as its name.",
                by_type: "the stream $et-TYPE, or a filter of `$all`",
                by_tag: "a filter of `$all`, or a stream of links for each tag: there are no tags",
                boundary: "checks the streams it rests on (from 26.1), or keeps a stream for what has to agree",
                feed: "subscribes to `$all` with a filter, and keeps the position with its rows",
                retention: "$maxAge or $maxCount in the stream's metadata, then scavenging",
                long: "reads begin at a revision; keep a snapshot in a stream of its own",
            },
        }
    }
}

/// `order-{order_id}` as this database writes it.
pub(super) fn stream_id(on: Database, key: &str) -> String {
    match on {
        Database::Eventsourcingdb => {
            format!("/{}", key.trim_start_matches('/').replace("-{", "/{").replace("}-", "}/"))
        }
        _ => key.to_owned(),
    }
}

/// The type of an event as this database has it.
pub(super) fn event_type(on: Database, context: &str, event: &str) -> String {
    match on {
        Database::Eventsourcingdb => format!("io.example.{}.{}", kebab(context), kebab(event)),
        _ => kebab(event),
    }
}

/// The page of each database as docs/databases has it, by its name there.
pub const PAGES: [(&str, &str); 9] = [
    ("postgres", include_str!("pages/postgres.md")),
    ("mysql", include_str!("pages/mysql.md")),
    ("sqlite", include_str!("pages/sqlite.md")),
    ("sqlserver", include_str!("pages/sqlserver.md")),
    ("ansi", include_str!("pages/ansi.md")),
    ("mongodb", include_str!("pages/mongodb.md")),
    ("cosmosdb", include_str!("pages/cosmosdb.md")),
    ("eventsourcingdb", include_str!("pages/eventsourcingdb.md")),
    ("kurrentdb", include_str!("pages/kurrentdb.md")),
];

/// The page, without links: it goes where they lead nowhere.
pub(super) fn page(on: Database) -> String {
    let name = match on {
        Database::Postgres => "postgres",
        Database::Mysql | Database::Mariadb => "mysql",
        Database::Sqlite => "sqlite",
        Database::Sqlserver => "sqlserver",
        Database::Ansi => "ansi",
        Database::Mongodb => "mongodb",
        Database::Cosmosdb => "cosmosdb",
        Database::Eventsourcingdb => "eventsourcingdb",
        Database::Kurrentdb => "kurrentdb",
    };
    let page = PAGES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    let mut out = String::new();
    let mut rest = page;
    while let Some(at) = rest.find("](../") {
        let (before, link) = rest.split_at(at);
        let (before, name) = before.rsplit_once('[').unwrap_or((before, ""));
        out += &format!("{before}`{name}`");
        rest = link.split_once(')').map_or("", |(_, rest)| rest);
    }
    out + rest
}
