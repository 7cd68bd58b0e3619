//! Schemas that people run, each with what its columns are, and those of applications, which have no log.

use super::super::{Column, Key, KeyKind, KeyPart, Kind, StoreShape, Table};
use super::*;

/// A table out of `name: column type, …; primary a b; unique c d`. A type with a `!` is counted.
fn table(text: &str) -> Table {
    let (name, rest) = text.split_once(':').expect("a name stands in front");
    let mut parts = rest.split(';');
    let column = |text: &str| {
        let (name, kind) = text.trim().split_once(' ').expect("a column has a type");
        Column {
            name: name.to_owned(),
            kind: kind_of(kind),
            is_counted: kind.ends_with('!'),
            ..Column::default()
        }
    };
    let key = |text: &str| {
        let (kind, columns) = text.trim().split_once(' ').expect("a key has columns");
        let kind = match kind {
            "primary" => KeyKind::Primary,
            "unique" => KeyKind::Unique,
            _ => KeyKind::Index,
        };
        let part = |text: &str| match text.contains("->") {
            true => KeyPart::Expression(text.to_owned()),
            false => KeyPart::Column(text.to_owned()),
        };
        Key { name: None, kind, parts: columns.split(' ').map(part).collect(), predicate: None, span: None }
    };
    let columns = parts.next().unwrap_or_default().split(',').map(column).collect();
    Table { name: name.trim().to_owned(), columns, keys: parts.map(key).collect(), ..Table::default() }
}

fn kind_of(name: &str) -> Kind {
    match name.trim_end_matches('!') {
        "int" => Kind::Integer(64),
        "text" => Kind::Text,
        "char" => Kind::Char,
        "uuid" => Kind::Uuid,
        "json" => Kind::Json,
        "bytes" => Kind::Bytes,
        "bool" => Kind::Bool,
        "instant" => Kind::Instant,
        "local" => Kind::LocalTime,
        "date" => Kind::Date,
        "xid" => Kind::RowVersion,
        "list" => Kind::List,
        "any" => Kind::Other,
        other => panic!("no type {other}"),
    }
}

fn store(tables: &[&str]) -> StoreShape {
    StoreShape { tables: tables.iter().map(|text| table(text)).collect(), ..StoreShape::default() }
}

/// What each log of a store is, in a line.
fn logs(tables: &[&str]) -> Vec<String> {
    let store = store(tables);
    let name = |column: Option<&Column>| column.map_or("-".to_owned(), |column| column.name.clone());
    let names = |columns: &[&Column]| columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join("+");
    let line = |log: &EventLog<'_>| {
        let (stream, version) = match log.place_in_stream() {
            Some((table, stream, version)) if log.join.is_some() => {
                (format!("{}.{}", table.name, stream.name), version.name.clone())
            }
            _ => (name(log.stream), name(log.version)),
        };
        format!(
            "{}: {stream} {version} | {} | {} {} {} | {} | {} | {}",
            log.table.name,
            name(log.position),
            name(log.event_id),
            name(log.event_type),
            name(log.schema_version),
            names(&log.payload),
            names(&log.metadata),
            names(&log.times),
        )
    };
    Roles::of(&store).logs.iter().map(line).collect()
}

#[test]
fn stores_of_many_makers_are_read_alike() {
    let known: &[(&[&str], &str)] = &[
        // Message DB
        (
            &[
                "message_store.messages: id uuid, stream_name text, type text, position int, global_position int!, data json, metadata json, time local; primary global_position; unique id; unique stream_name position; index category(stream_name)->x global_position",
            ],
            "message_store.messages: stream_name position | global_position | id type - | data | metadata | time",
        ),
        // EventStore of Commanded
        (
            &[
                "streams: stream_id int!, stream_uuid text, stream_version int, created_at instant, deleted_at instant; primary stream_id; unique stream_uuid",
                "events: event_id uuid, event_type text, causation_id uuid, correlation_id uuid, data bytes, metadata bytes, created_at instant; primary event_id",
                "stream_events: event_id uuid, stream_id int, stream_version int, original_stream_id int, original_stream_version int; primary event_id stream_id; unique stream_id stream_version",
                "subscriptions: subscription_id int!, stream_uuid text, subscription_name text, last_seen int, created_at instant",
                "snapshots: source_uuid text, source_version int, source_type text, data bytes, metadata bytes, created_at instant; primary source_uuid",
            ],
            "events: stream_events.stream_id stream_version | - | event_id event_type - | data | causation_id+correlation_id+metadata | created_at",
        ),
        // The one of eugene-khyst
        (
            &[
                "ES_AGGREGATE: ID uuid, VERSION int, AGGREGATE_TYPE text; primary ID",
                "ES_EVENT: ID int!, TRANSACTION_ID xid, AGGREGATE_ID uuid, VERSION int, EVENT_TYPE text, JSON_DATA json; primary ID; unique AGGREGATE_ID VERSION",
                "ES_AGGREGATE_SNAPSHOT: AGGREGATE_ID uuid, VERSION int, JSON_DATA json; primary AGGREGATE_ID VERSION",
                "ES_EVENT_SUBSCRIPTION: SUBSCRIPTION_NAME text, LAST_TRANSACTION_ID xid, LAST_ID int; primary SUBSCRIPTION_NAME",
            ],
            "ES_EVENT: AGGREGATE_ID VERSION | ID | - EVENT_TYPE - | JSON_DATA |  | ",
        ),
        // SQLStreamStore
        (
            &[
                "dbo.Streams: Id char, IdOriginal text, IdInternal int!, Version int, Position int; primary IdInternal",
                "dbo.Messages: StreamIdInternal int, StreamVersion int, Position int!, Id uuid, Created local, Type text, JsonData text, JsonMetadata text; primary Position; unique StreamIdInternal Id; unique StreamIdInternal StreamVersion",
            ],
            "dbo.Messages: StreamIdInternal StreamVersion | Position | Id Type - | JsonData | JsonMetadata | Created",
        ),
        // NEventStore
        (
            &[
                "Commits: BucketId text, StreamId char, StreamIdOriginal text, StreamRevision int, Items int, CommitId uuid, CommitSequence int, CommitStamp local, CheckpointNumber int!, Dispatched bool, Headers bytes, Payload bytes; primary CheckpointNumber; unique BucketId StreamId CommitSequence; unique BucketId StreamId CommitId; unique BucketId StreamId StreamRevision Items",
                "Snapshots: BucketId text, StreamId char, StreamRevision int, Payload bytes; primary BucketId StreamId StreamRevision",
            ],
            "Commits: StreamId CommitSequence | CheckpointNumber | CommitId - - | Payload | Headers | CommitStamp",
        ),
        // Akka JDBC
        (
            &[
                "event_journal: ordering int!, persistence_id text, sequence_number int, deleted bool, writer text, write_timestamp int, adapter_manifest text, event_ser_id int, event_ser_manifest text, event_payload bytes, meta_ser_id int, meta_ser_manifest text, meta_payload bytes; primary persistence_id sequence_number; unique ordering",
                "event_tag: event_id int, persistence_id text, sequence_number int, tag text",
                "snapshot: persistence_id text, sequence_number int, created int, snapshot_ser_id int, snapshot_ser_manifest text, snapshot_payload bytes; primary persistence_id sequence_number",
            ],
            "event_journal: persistence_id sequence_number | ordering | - event_ser_manifest adapter_manifest | event_payload | meta_payload | write_timestamp",
        ),
        // Akka JDBC before 5.0
        (
            &[
                "journal: ordering int!, persistence_id text, sequence_number int, deleted bool, tags text, message bytes; primary persistence_id sequence_number",
            ],
            "journal: persistence_id sequence_number | ordering | - - - | message |  | ",
        ),
        // Akka R2DBC
        (
            &[
                "event_journal: slice int, entity_type text, persistence_id text, seq_nr int, db_timestamp instant, event_ser_id int, event_ser_manifest text, event_payload bytes, deleted bool, writer text, adapter_manifest text, tags list, meta_payload bytes; primary persistence_id seq_nr",
                "durable_state: slice int, entity_type text, persistence_id text, revision int, db_timestamp instant, state_ser_id int, state_ser_manifest text, state_payload bytes, tags list; primary persistence_id revision",
            ],
            "event_journal: persistence_id seq_nr | - | - event_ser_manifest adapter_manifest | event_payload | meta_payload | db_timestamp",
        ),
        // prooph, on MySQL
        (
            &[
                "_4228e4a00331b5d5e751db0481828e22a2c3c8ef: no int!, event_id char, event_name text, payload json, metadata json, created_at local, aggregate_version int, aggregate_id char, aggregate_type text; primary no; unique event_id; unique aggregate_type aggregate_id aggregate_version",
            ],
            "_4228e4a00331b5d5e751db0481828e22a2c3c8ef: aggregate_id aggregate_version | no | event_id event_name - | payload | metadata | created_at",
        ),
        // prooph, on PostgreSQL
        (
            &[
                "_4228e4a00331b5d5e751db0481828e22a2c3c8ef: no int!, event_id uuid, event_name text, payload json, metadata json, created_at local; primary no; unique event_id; unique metadata->>_aggregate_type metadata->>_aggregate_id metadata->>_aggregate_version",
            ],
            "_4228e4a00331b5d5e751db0481828e22a2c3c8ef: - - | no | event_id event_name - | payload | metadata | created_at",
        ),
        // Emmett
        (
            &[
                "emt_streams: stream_id text, stream_position int, partition text, stream_type text, stream_metadata json, is_archived bool; primary stream_id partition is_archived",
                "emt_messages: stream_id text, stream_position int, partition text, message_kind char, message_data json, message_metadata json, message_schema_version text, message_type text, message_id text, is_archived bool, global_position int, transaction_id xid, created instant; primary stream_id stream_position partition is_archived",
                "emt_subscriptions: subscription_id text, version int, partition text, last_processed_position int, last_processed_transaction_id xid",
            ],
            "emt_messages: stream_id stream_position | global_position | message_id message_type message_schema_version | message_data | message_metadata | created",
        ),
        // eventsourcing of Python
        (
            &[
                "stored_events: originator_id uuid, originator_version int, topic text, state bytes, notification_id int!; primary originator_id originator_version; unique notification_id",
                "stored_events_snapshots: originator_id uuid, originator_version int, topic text, state bytes; primary originator_id originator_version",
                "notification_tracking: application_name text, notification_id int; primary application_name notification_id",
            ],
            "stored_events: originator_id originator_version | notification_id | - topic - | state |  | ",
        ),
        // Rails Event Store
        (
            &[
                "event_store_events: id int!, event_id uuid, event_type text, metadata json, data json, created_at local, valid_at local; primary id; unique event_id",
                "event_store_events_in_streams: id int!, stream text, position int, event_id uuid, created_at local; primary id; unique stream position; unique stream event_id",
            ],
            "event_store_events: event_store_events_in_streams.stream position | id | event_id event_type - | data | metadata | created_at+valid_at",
        ),
        // Marten
        (
            &[
                "mt_streams: id uuid, type text, version int, timestamp instant, snapshot json, snapshot_version int, created instant, tenant_id text; primary id",
                "mt_events: seq_id int, id uuid, stream_id uuid, version int, data json, type text, timestamp instant, tenant_id text, mt_dotnet_type text, correlation_id text, is_archived bool; primary seq_id; unique stream_id version; unique id",
                "mt_event_progression: name text, last_seq_id int, last_updated instant; primary name",
            ],
            "mt_events: stream_id version | seq_id | id type - | data | correlation_id | timestamp",
        ),
        // Eventuous
        (
            &[
                "eventuous.streams: stream_name text, stream_id int!, version int; primary stream_id",
                "eventuous.messages: message_id uuid, message_type text, stream_id int, stream_position int, global_position int!, json_data json, json_metadata json, created local; primary global_position; unique stream_id stream_position; unique stream_id message_id",
                "eventuous.checkpoints: id text, position int; primary id",
            ],
            "eventuous.messages: stream_id stream_position | global_position | message_id message_type - | json_data | json_metadata | created",
        ),
        // Laravel Event Sourcing of Spatie
        (
            &[
                "stored_events: id int!, aggregate_uuid char, aggregate_version int, event_version int, event_class text, event_properties json, meta_data json, created_at instant; primary id; unique aggregate_uuid aggregate_version",
            ],
            "stored_events: aggregate_uuid aggregate_version | id | - event_class event_version | event_properties | meta_data | created_at",
        ),
        // Broadway
        (
            &[
                "events: id int!, uuid char, playhead int, payload text, metadata text, recorded_on text, type text; primary id; unique uuid playhead",
            ],
            "events: uuid playhead | id | - type - | payload | metadata | recorded_on",
        ),
        // Axon
        (
            &[
                "domain_event_entry: global_index int!, event_identifier text, meta_data bytes, payload bytes, payload_revision text, payload_type text, time_stamp text, aggregate_identifier text, sequence_number int, type text; primary global_index; unique aggregate_identifier sequence_number; unique event_identifier",
                "snapshot_event_entry: aggregate_identifier text, sequence_number int, type text, event_identifier text, meta_data bytes, payload bytes, payload_revision text, payload_type text, time_stamp text; primary aggregate_identifier sequence_number type",
                "token_entry: processor_name text, segment int, token bytes, token_type text, timestamp text, owner text; primary processor_name segment",
            ],
            "domain_event_entry: aggregate_identifier sequence_number | global_index | event_identifier payload_type payload_revision | payload | meta_data | time_stamp",
        ),
        // cqrs-es
        (
            &[
                "events: aggregate_type text, aggregate_id text, sequence int, event_type text, event_version text, payload json, metadata json; primary aggregate_type aggregate_id sequence",
            ],
            "events: aggregate_id sequence | - | - event_type event_version | payload | metadata | ",
        ),
        // esrs
        (
            &[
                "account_events: id uuid, aggregate_id uuid, payload json, occurred_on instant, sequence_number int, version int; primary id; unique aggregate_id sequence_number",
            ],
            "account_events: aggregate_id sequence_number | - | id - version | payload |  | occurred_on",
        ),
        // A linked list
        (
            &[
                "events: entity text, entity_key text, event text, data json, event_id uuid, command_id uuid, previous_id uuid, timestamp instant, sequence int!; primary sequence; unique event_id; unique previous_id",
            ],
            "events: entity_key - | sequence | event_id event - | data | command_id | timestamp",
        ),
        // Tags in a column
        (
            &[
                "dcb_events: sequence_number int!, type text, data text, metadata text, tags json, recorded_at instant; primary sequence_number",
            ],
            "dcb_events: - - | sequence_number | - type - | data | metadata | recorded_at",
        ),
        // Tags in a table
        (
            &[
                "events: position int!, id uuid, type text, payload bytes; primary position",
                "event_tags: tag text, position int; primary tag position",
            ],
            "events: - - | position | id type - | payload |  | ",
        ),
        // A table of one aggregate, by its name
        (
            &[
                "account_events: id int!, account_id uuid, version int, event_type text, payload json; primary id",
            ],
            "account_events: account_id version | id | - event_type - | payload |  | ",
        ),
        // Documents: what is named by an index
        (
            &[
                "events: _id any, streamId any, version any, type any, payload any, occurredAt any; primary _id; unique streamId version",
            ],
            "events: streamId version | - | _id type - | payload |  | occurredAt",
        ),
        // Our own
        (
            &[
                "annals.events: position int, event_id uuid, stream_id text, stream_version int, category text, event_type text, schema_version int, occurred_at instant, recorded_at instant, payload json, payload_bytes bytes, content_type text, metadata json, source text, correlation_id text, causation_id text, tags json; primary position; unique stream_id stream_version; unique event_id",
                "annals.event_tags: tag text, position int; primary tag position",
                "annals.checkpoints: name text, checkpoint text; primary name",
                "annals.snapshots: stream_id text, name text, stream_version int, state_version int, state json; primary stream_id name",
            ],
            "annals.events: stream_id stream_version | position | event_id event_type schema_version | payload+payload_bytes | metadata+correlation_id+causation_id | occurred_at+recorded_at",
        ),
    ];
    for (tables, expected) in known {
        assert_eq!(logs(tables), [*expected]);
    }
}

#[test]
fn applications_have_no_log() {
    let applications: &[&str] = &[
        "events: id int!, title text, description text, location text, starts_at instant, ends_at instant, event_type text, created_at instant; primary id",
        "events: id uuid, calendar_id uuid, type text, data json, version int, sequence int; primary id; unique calendar_id sequence",
        "events: id int!, user_id int, session_id text, event_name text, properties json, tags list, created_at instant; primary id",
        "events: event_id uuid, project_id int, platform text, type text, data json, tags json, timestamp instant; primary event_id",
        "audit_log: id int!, table_name text, record_id int, action text, old_values json, new_values json, user_id int, created_at instant; primary id",
        "audit_events: id int!, entity_id uuid, version int, event_type text, data json; primary id",
        "versions: id int!, item_type text, item_id int, event text, whodunnit text, object text, created_at instant; primary id",
        "orders: id uuid, status text, version int, type text, data json, created_at instant; primary id",
        "jobs: id int!, queue text, payload text, attempts int, type text, reserved_at int, available_at int; primary id",
        "outbox: id uuid, aggregate_type text, aggregate_id text, type text, payload json, published_at instant; primary id",
        "outbox_events: id uuid, aggregate_id text, version int, type text, payload json; primary id; unique aggregate_id version",
        "domain_events: id uuid, aggregate_id uuid, name text, body json, occurred_on instant; primary id",
        "webhook_events: id int!, provider text, event_id text, event_type text, payload json, processed_at instant; primary id; unique provider event_id",
        "messages: id int!, conversation_id int, sequence int, type text, body text, created_at instant; primary id; unique conversation_id sequence",
        "event_versions: id int!, event_id int, version int, type text, data json; primary id; unique event_id version",
        "document_versions: document_id uuid, version int, content text, type text; primary document_id version",
        "aggregates: aggregate_id uuid, version int, type text, data json; primary aggregate_id",
        "durable_state: persistence_id text, revision int, state_payload bytes; primary persistence_id revision",
        "journal_entries: id int!, account_id int, entry_type text, amount int, data json, position int; primary id",
        "schema_migrations: version int, name text; primary version",
        "flyway_schema_history: installed_rank int, version text, type text, script text; primary installed_rank",
        "sensor_events: sensor_id uuid, time instant, type text, data json; primary sensor_id time",
        "event_store_subscriptions: id int!, stream_id text, position int, type text, data json",
        "streams: stream_id text, version int, type text, metadata json; primary stream_id",
        "notifications: id uuid, aggregate_id uuid, version int, type text, data json",
    ];
    for application in applications {
        assert_eq!(logs(&[application]), Vec::<String>::new(), "{application}");
    }
}

#[test]
fn the_tables_beside_a_log_have_their_roles() {
    let store = store(&[
        "events: stream_id text, version int, type text, data json, position int!; primary stream_id version",
        "streams: stream_id text, version int; primary stream_id",
        "snapshots: stream_id text, version int, state json, state_version int; primary stream_id",
        "checkpoints: name text, position int; primary name",
        "outbox: id uuid, payload json",
        "order_summary_view: order_id uuid, total int, last_position int; primary order_id",
        "customers: id uuid, name text; primary id",
    ]);
    let roles = Roles::of(&store);
    let names = |tables: &[&Table]| tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&roles.streams), ["streams"]);
    assert_eq!(names(&roles.checkpoints), ["checkpoints"]);
    assert_eq!(names(&roles.outboxes), ["outbox"]);
    assert_eq!(names(&roles.reads), ["order_summary_view"]);
    let snapshots: Vec<_> = roles
        .snapshots
        .iter()
        .map(|s| (s.state.name.as_str(), s.state_version.map(|c| c.name.as_str())))
        .collect();
    assert_eq!(snapshots, [("state", Some("state_version"))]);
}

#[test]
fn a_class_in_the_place_of_a_type_is_known() {
    let bound = |text: &str| {
        let store = store(&[text]);
        let roles = Roles::of(&store);
        roles.logs[0].language_bound_type().map(|column| column.name.clone())
    };
    let spatie = "stored_events: id int!, aggregate_uuid char, aggregate_version int, event_class text, event_properties json";
    assert_eq!(bound(spatie).as_deref(), Some("event_class"));
    let marten =
        "mt_events: seq_id int, stream_id uuid, version int, data json, type text, mt_dotnet_type text";
    assert_eq!(bound(marten), None);
}
