//! What a name says: columns and tables are called the same thing in many ways.

use super::super::{Column, Kind, Table};

/// A name in lower case without what holds its words together: `Stream_Id`, `streamId` and `/streamId` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a name in lower case: `event_store_Events` has three, `eventStore` two.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = c.is_uppercase() && was_lower;
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The first column that is called by one of these names, those in front first, and that fits.
pub(super) fn called<'t>(
    table: &'t Table,
    names: &[&str],
    fits: impl Fn(&Column) -> bool,
) -> Option<&'t Column> {
    let plain_names: Vec<String> = table.columns.iter().map(|column| plain(&column.name)).collect();
    let with_name = |name: &&str| {
        let here = table.columns.iter().zip(&plain_names);
        here.filter(|(column, plain)| *plain == name && fits(column)).map(|(column, _)| column).next()
    };
    names.iter().find_map(with_name)
}

/// Every column that is called by one of these names and fits, in the order of the table.
pub(super) fn all_called<'t>(
    table: &'t Table,
    names: &[&str],
    fits: impl Fn(&Column) -> bool,
) -> Vec<&'t Column> {
    let is_one = |column: &&Column| names.contains(&plain(&column.name).as_str()) && fits(column);
    table.columns.iter().filter(is_one).collect()
}

/// Whether a number can stand in it, as far as is known.
pub(super) fn is_number(column: &Column) -> bool {
    matches!(column.kind, Kind::Integer(_) | Kind::Decimal | Kind::Float | Kind::Other)
}

/// Whether a document can stand in it, as far as is known.
pub(super) fn is_document(column: &Column) -> bool {
    matches!(column.kind, Kind::Json | Kind::Bytes | Kind::Text | Kind::Document | Kind::Other | Kind::List)
}

/// Whether it says one thing about an event: a correlation, an actor.
pub(super) fn is_named_fact(column: &Column) -> bool {
    let name = plain(&column.name);
    ["id", "parent", "actor", "user", "username", "by", "principal"].iter().any(|end| name.ends_with(end))
}

/// Whether a name can stand in it, or a reference to one, as far as is known.
pub(super) fn is_word(column: &Column) -> bool {
    matches!(column.kind, Kind::Text | Kind::Char | Kind::Other | Kind::Integer(_) | Kind::Uuid | Kind::Bytes)
}

/// Whether an id can stand in it that others give.
pub(super) fn is_id(column: &Column) -> bool {
    matches!(column.kind, Kind::Uuid | Kind::Text | Kind::Char | Kind::Bytes | Kind::Other)
        && !column.is_counted
}

/// A stream, beyond doubt.
pub(super) const STREAM: &[&str] = &[
    "streamid",
    "streamname",
    "streamkey",
    "streamuuid",
    "streamidinternal",
    "internalstreamid",
    "streamidentifier",
    "streamidkey",
    "stream",
    "aggregateid",
    "aggregateuuid",
    "aggregateguid",
    "aggregaterootid",
    "aggregaterootuuid",
    "aggregateidentifier",
    "aggregatekey",
    "aggregate",
    "persistenceid",
    "originatorid",
    "eventsourceid",
    "eventstreamid",
    "eventstreamname",
    "deciderid",
];

/// A stream, where all the rest says so too.
pub(super) const STREAM_PERHAPS: &[&str] =
    &["entityid", "entitykey", "entityuuid", "sourceid", "sourceuuid", "subjectid", "subject"];

/// The place in a stream, whatever other numbers there are.
pub(super) const VERSION: &[&str] = &[
    "streamversion",
    "aggregateversion",
    "entityversion",
    "originatorversion",
    "streamposition",
    "streamrevision",
    "aggregaterevision",
    "aggregatesequence",
    "aggregatesequencenumber",
    "aggregateseq",
    "aggregatenonce",
    "streamsequence",
    "streamsequencenumber",
    "streamseq",
    "streamindex",
    "streamoffset",
    "entitysequence",
    "playhead",
    "seqnr",
    "sequencenr",
    "commitsequence",
    "sequencenumber",
    "version",
    "revision",
    "eventnumber",
    "eventsequence",
    "eventindex",
    "versionnumber",
    "sequence",
    "sequenceno",
    "seqno",
    "seq",
    "position",
    "number",
    "ordinal",
    "eventversion",
];

/// A place in the whole store, beyond doubt.
pub(super) const POSITION: &[&str] = &[
    "globalposition",
    "globalindex",
    "globalsequence",
    "globalsequencenumber",
    "globalseq",
    "globalversion",
    "globalorder",
    "globaloffset",
    "globalid",
    "ordering",
    "seqid",
    "notificationid",
    "checkpointnumber",
    "checkpointtoken",
    "logposition",
    "commitposition",
    "storeposition",
    "insertionorder",
];

/// A place in the whole store, unless it is one in a stream.
pub(super) const POSITION_PERHAPS: &[&str] = &[
    "position",
    "sequencenumber",
    "sequenceid",
    "sequence",
    "seq",
    "offset",
    "eventoffset",
    "eventsequence",
    "eventnumber",
    "eventno",
    "no",
    "ordinal",
];

/// The id of an event.
pub(super) const EVENT_ID: &[&str] = &[
    "eventid",
    "eventuuid",
    "eventguid",
    "eventidentifier",
    "messageid",
    "messageuuid",
    "msgid",
    "id",
    "uuid",
    "guid",
    "commitid",
];

/// What kind of event it is.
pub(super) const EVENT_TYPE: &[&str] = &[
    "eventtype",
    "messagetype",
    "msgtype",
    "eventname",
    "messagename",
    "eventtypename",
    "eventtypeid",
    "eventkind",
    "payloadtype",
    "datatype",
    "eventclass",
    "type",
    "typename",
    "topic",
    "event",
    "name",
    "kind",
    "eventsermanifest",
    "dotnettype",
    "mtdotnettype",
    "clrtype",
    "clreventtype",
    "eventclrtype",
    "clrtypename",
    "classname",
    "fqcn",
    "javatype",
];

/// The class of some program, in the place of a name that means something to every reader.
pub(super) const LANGUAGE_TYPE: &[&str] = &[
    "eventclass",
    "dotnettype",
    "mtdotnettype",
    "clrtype",
    "clreventtype",
    "eventclrtype",
    "clrtypename",
    "classname",
    "fqcn",
    "javatype",
];

/// The version of what an event holds.
pub(super) const SCHEMA_VERSION: &[&str] = &[
    "schemaversion",
    "eventschemaversion",
    "messageschemaversion",
    "payloadversion",
    "payloadrevision",
    "payloadschemaversion",
    "dataversion",
    "bodyversion",
    "contractversion",
    "eventtypeversion",
    "typeversion",
    "typerevision",
    "eventrevision",
    "eventversion",
    "messageversion",
    "adaptermanifest",
    "eventsermanifest",
    "manifest",
];

/// The same, where the place in the stream is called otherwise.
pub(super) const SCHEMA_VERSION_PERHAPS: &[&str] = &["version", "revision"];

/// What an event holds.
pub(super) const PAYLOAD: &[&str] = &[
    "payload",
    "data",
    "body",
    "eventdata",
    "eventpayload",
    "eventbody",
    "eventjson",
    "eventcontent",
    "eventproperties",
    "eventattributes",
    "jsondata",
    "datajson",
    "payloadjson",
    "payloadbytes",
    "payloadbinary",
    "databytes",
    "messagedata",
    "messagebody",
    "messagepayload",
    "domainevent",
    "serializedevent",
    "serializeddata",
    "serializedpayload",
    "content",
    "properties",
    "message",
    "eventbytes",
    "eventblob",
    "blob",
    "bdata",
];

/// What an event is about beside it.
pub(super) const METADATA: &[&str] = &[
    "metadata",
    "meta",
    "headers",
    "header",
    "eventmetadata",
    "eventmeta",
    "eventheaders",
    "jsonmetadata",
    "metadatajson",
    "messagemetadata",
    "messageheaders",
    "metapayload",
    "payloadmetadata",
    "context",
    "eventcontext",
    "envelope",
    "correlationid",
    "causationid",
    "commandid",
    "causationeventid",
    "traceparent",
    "traceid",
    "actor",
    "actorid",
    "userid",
    "username",
    "createdby",
    "initiatorid",
    "principal",
    "commandrecordid",
];

/// When an event happened, or was written.
pub(super) const TIME: &[&str] = &[
    "recordedat",
    "recordedon",
    "createdat",
    "createdon",
    "createdutc",
    "createdatutc",
    "createddate",
    "datecreated",
    "created",
    "insertedat",
    "storedat",
    "persistedat",
    "appendedat",
    "loggedat",
    "committedat",
    "commitstamp",
    "committimestamp",
    "dbtimestamp",
    "writetimestamp",
    "timestamp",
    "timestamputc",
    "eventtimestamp",
    "eventtime",
    "eventdate",
    "eventdatetime",
    "time",
    "datetime",
    "date",
    "ts",
    "occurredat",
    "occurredon",
    "occurred",
    "happenedat",
    "raisedat",
    "emittedat",
    "issuedat",
    "effectiveat",
    "validat",
    "validfrom",
];

/// By what an event is found across streams.
pub(super) const TAGS: &[&str] = &["tags", "eventtags", "tag", "domainids", "domainidentifiers", "keys"];

/// The event before.
pub(super) const PREVIOUS: &[&str] = &[
    "previousid",
    "previouseventid",
    "previd",
    "preveventid",
    "previous",
    "predecessorid",
    "predecessor",
    "parenteventid",
    "preceedingid",
    "precedingid",
    "precedingeventid",
];

/// What a stream id is told apart within.
pub(super) const SCOPE: &[&str] = &[
    "tenantid",
    "tenant",
    "tenantname",
    "bucketid",
    "bucket",
    "category",
    "categorykey",
    "aggregatetype",
    "aggregatetypeid",
    "aggregatename",
    "aggregateroottype",
    "streamtype",
    "streamcategory",
    "entitytype",
    "entityname",
    "entity",
    "decider",
    "context",
    "contextname",
    "boundedcontext",
    "namespace",
    "organizationid",
    "organisationid",
    "orgid",
    "workspaceid",
    "environment",
    "type",
    "sourcetype",
];

/// That a row is on its way to somewhere: a queue, not a log.
pub(super) const DELIVERY: &[&str] = &[
    "published",
    "publishedat",
    "ispublished",
    "processed",
    "processedat",
    "processedon",
    "processedonutc",
    "isprocessed",
    "dispatched",
    "dispatchedat",
    "sent",
    "sentat",
    "issent",
    "delivered",
    "deliveredat",
    "status",
    "state",
    "attempts",
    "attempt",
    "retries",
    "retrycount",
    "retry",
    "lockedat",
    "lockeduntil",
    "reservedat",
    "availableat",
    "scheduledat",
    "nextattemptat",
    "failedat",
    "error",
    "lasterror",
    "handled",
    "handledat",
    "consumed",
    "acknowledged",
];

/// Words in the name of a table that is about events and holds none.
pub(super) const NO_LOG: &[&str] = &[
    "snapshot",
    "snapshots",
    "outbox",
    "inbox",
    "queue",
    "queued",
    "queues",
    "job",
    "jobs",
    "task",
    "tasks",
    "audit",
    "audits",
    "webhook",
    "webhooks",
    "subscription",
    "subscriptions",
    "subscriber",
    "subscribers",
    "checkpoint",
    "checkpoints",
    "offset",
    "offsets",
    "tracking",
    "projection",
    "projections",
    "tag",
    "tags",
    "dead",
    "deadletter",
    "deadletters",
    "poison",
    "saga",
    "sagas",
    "notification",
    "notifications",
    "calendar",
    "lock",
    "locks",
    "types",
    "state",
    "states",
    "handler",
    "handlers",
    "listener",
    "listeners",
    "consumer",
    "consumers",
    "schedule",
    "scheduled",
    "analytics",
    "tracked",
    "staging",
    "tmp",
    "temp",
    "backup",
    "quarantine",
];
