//! The same for stores of documents: for MongoDB commands of its shell, for Cosmos DB what is set and called.

use super::script::Script;
use super::{Column, Description, Kind, Type};

/// A text as JavaScript has it.
fn js(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A document with a value of each column, for an example.
fn example(columns: &[Column]) -> String {
    let member = |column: &Column| {
        let value = match column.kind {
            Type::Int => "Long(1)",
            Type::Decimal => "Decimal128(\"1.00\")",
            Type::Float => "1.5",
            Type::Bool => "true",
            Type::Time | Type::Date => "new Date()",
            Type::Uuid => "UUID()",
            Type::Bytes => "BinData(0, \"\")",
            Type::Json => "{}",
            Type::Text => "\"…\"",
        };
        format!("{}: {value}", js(&column.name))
    };
    columns.iter().skip(1).map(member).collect::<Vec<_>>().join(", ")
}

/// A validator that knows the columns; the first is `_id`.
fn validator(columns: &[Column]) -> String {
    let required = columns.iter().skip(1).filter(|column| !column.is_optional).map(|column| js(&column.name));
    let required: Vec<_> = required.chain([js("version")]).collect();
    let property = |column: &Column| {
        let kind = match column.kind {
            Type::Int => "[\"int\", \"long\"]",
            Type::Decimal => "\"decimal\"",
            Type::Float => "\"double\"",
            Type::Bool => "\"bool\"",
            Type::Time | Type::Date => "\"date\"",
            Type::Uuid | Type::Bytes => "\"binData\"",
            Type::Json => "[\"object\", \"array\"]",
            Type::Text => "\"string\"",
        };
        format!("    {}: {{ bsonType: {kind} }}", js(&column.name))
    };
    let properties: Vec<_> = columns.iter().skip(1).filter(|it| !it.is_optional).map(property).collect();
    format!(
        "{{ $jsonSchema: {{\n  required: [{}],\n  properties: {{\n{}\n  }}\n}} }}",
        required.join(", "),
        properties.join(",\n")
    )
}

pub(super) fn mongo(kind: Kind, of: &Description) -> Script {
    let mut script = Script::new("//", ";");
    let (name, columns) = (&of.table, of.columns.as_slice());
    let it = format!("db.getCollection({})", js(name));
    let beside = |end: &str| format!("db.getCollection({})", js(&format!("{name}_{end}")));
    if kind == Kind::TimeSeries {
        let time = columns.iter().find(|column| column.kind == Type::Time);
        let time = time.map_or("measured_at", |column| column.name.as_str());
        let key = columns.first().map_or("series", |column| column.name.as_str());
        script.say("Measurements: MongoDB keeps them together by series and time, and throws old ones away.");
        script.run(format!(
            "db.createCollection({}, {{\n  timeseries: {{ timeField: {}, metaField: {}, granularity: \"seconds\" }},\n  \
             expireAfterSeconds: 90 * 24 * 3600\n}})",
            js(name),
            js(time),
            js(key)
        ));
        script.say(format!(
            "The last one of each series:\n\n  {it}.aggregate([\n    {{ $sort: {{ {key}: 1, {time}: -1 }} }},\n    \
             {{ $group: {{ _id: \"${key}\", last: {{ $first: \"$$ROOT\" }} }} }}\n  ])",
            key = key,
            time = time
        ));
        return script;
    }
    script.say("One document for each, changed in place. The key is _id.");
    let images = if matches!(kind, Kind::Audit | Kind::Temporal) {
        ",\n  changeStreamPreAndPostImages: { enabled: true }"
    } else {
        ""
    };
    script.run(format!(
        "db.createCollection({}, {{\n  validator: {}{images}\n}})",
        js(name),
        validator(columns)
    ));
    let update = format!(
        "{it}.findOneAndUpdate(\n    {{ _id: key, version: versionThatWasRead }},\n    \
         {{ $set: change, $inc: {{ version: 1 }} }})"
    );
    script.say(format!(
        "A change names the version that was read; null comes back where somebody else was faster:\n\
         \n  {it}.insertOne({{ _id: key, {}, version: 1 }})\n  {update}",
        example(columns)
    ));
    match kind {
        Kind::Audit => {
            let history = beside("history");
            script.say("What was changed, by whom and why, in the transaction of the change.");
            script.run(format!("{history}.createIndex({{ key: 1, version: 1 }}, {{ unique: true }})"));
            script.say(format!(
                "MongoDB has no triggers of its own, so that one function of the application writes both, through the collections of\n\
                 its session:\n\
                 \n  session.withTransaction(() => {{\n    const before = {it}.findOne({{ _id: key }})\n    \
                 const after = {it}.findOneAndUpdate({{ _id: key, version: before.version }},\n      \
                 {{ $set: change, $inc: {{ version: 1 }} }}, {{ returnDocument: \"after\" }})\n    \
                 {history}.insertOne({{ key, version: after.version, at: new Date(), actor, reason, before, after }})\n  }})\n\
                 \nWhat goes past it is seen by a change stream with the images that are switched on above:\n\
                 \n  {it}.watch([], {{ fullDocument: \"whenAvailable\", fullDocumentBeforeChange: \"whenAvailable\" }})"
            ));
        }
        Kind::Temporal => {
            let versions = beside("versions");
            script.say("Every version of every document, written in the transaction of the change.");
            script.run(format!("{versions}.createIndex({{ key: 1, from: 1 }})"));
            script.say(format!(
                "As it was at a time:\n\n  {versions}.find({{ from: {{ $lte: time }},\n    \
                 $or: [{{ until: null }}, {{ until: {{ $gt: time }} }}] }})\n\
                 \nA change ends one version and begins the next, with the same time:\n\
                 \n  session.withTransaction(() => {{\n    const now = new Date()\n    const after = {update}\n    \
                 {versions}.updateOne({{ key, until: null }}, {{ $set: {{ until: now }} }})\n    \
                 {versions}.insertOne({{ key, from: now, until: null, document: after }})\n  }})"
            ));
        }
        Kind::Outbox => {
            let outbox = beside("outbox");
            script.say("What other systems are to hear, written in the transaction of the change.");
            script.run(format!("{outbox}.createIndex({{ sentAt: 1, _id: 1 }})"));
            script.say(format!(
                "\n  session.withTransaction(() => {{\n    {update}\n    \
                 {outbox}.insertOne({{ messageId: UUID(), type, about: key, body, writtenAt: new Date(), sentAt: null }})\n  }})\n\
                 \nSending: watch the collection, and take what has sentAt: null after a restart. A message can come twice, so\n\
                 readers skip a messageId that they know."
            ));
        }
        Kind::View => {
            let group = columns.iter().skip(1).find(|column| column.kind == Type::Bool);
            let group = group.or_else(|| columns.iter().skip(1).find(|column| column.kind == Type::Text));
            let group = group.map_or("null".to_owned(), |column| js(&format!("${}", column.name)));
            let view = js(&format!("{name}_counts"));
            script.say("Another shape to read from, as of the last run; run it every few minutes.");
            script.run(format!(
                "{it}.aggregate([\n  {{ $group: {{ _id: {group}, rows: {{ $sum: 1 }} }} }},\n  {{ $out: {view} }}\n])"
            ));
            script
                .say("Where reads are only many, read from a secondary: readPreference=secondaryPreferred.");
        }
        Kind::Table | Kind::TimeSeries => {}
    }
    script
}

// https://learn.microsoft.com/azure/cosmos-db/nosql/database-transactions-optimistic-concurrency,
// https://learn.microsoft.com/azure/architecture/databases/guide/transactional-outbox-cosmos
pub(super) fn cosmos(kind: Kind, of: &Description) -> Script {
    let mut script = Script::new("//", ";");
    let name = &of.table;
    let key = of.columns.first().map_or("id", |column| column.name.as_str());
    if kind == Kind::TimeSeries {
        script.say(
            "A poor place for measurements: each costs request units. If it must be, one container with the series as its\n\
             partition key, and old ones expire; the last of each series in a container of its own.",
        );
        script.run(format!(
            "await database.containers.createIfNotExists({{\n  id: {},\n  partitionKey: {{ paths: [{}] }},\n  \
             defaultTtl: 90 * 24 * 3600\n}})",
            js(name),
            js(&format!("/{key}"))
        ));
        return script;
    }
    script.say(format!(
        "One document for each, changed in place. Its own key is the partition key, so that what belongs to it can be\n\
         written in one batch with it: {{ id: key, {key}: key, kind: {}, … }}.",
        js(name)
    ));
    script.run(format!(
        "const {{ container }} = await database.containers.createIfNotExists({{\n  id: {},\n  \
         partitionKey: {{ paths: [{}] }},\n  defaultTtl: -1\n}})",
        js(name),
        js(&format!("/{key}"))
    ));
    script.say(
        "A change names the state that was read by its _etag; 412 comes back where somebody else was faster:\n\
         \n  await container.item(key, key).replace(changed,\n    \
         { accessCondition: { type: \"IfMatch\", condition: read._etag } })",
    );
    let batch = |what: &str, note: &str| {
        format!(
            "{note}\n\n  await container.items.batch([\n    \
             {{ operationType: \"Replace\", id: key, resourceBody: changed, ifMatch: read._etag }},\n    \
             {{ operationType: \"Create\", resourceBody: {what} }}\n  ], key)"
        )
    };
    match kind {
        Kind::Audit => script.say(batch(
            &format!("{{ id: crypto.randomUUID(), {key}: key, kind: \"history\", at, actor, reason, before: read, after: changed }}"),
            "What was changed, by whom and why: in one batch with the change. What goes past it is in the change feed of all\n\
             versions and deletes, where continuous backup is switched on.",
        )),
        Kind::Temporal => {
            script.say(batch(
                &format!("{{ id: `version-${{changed.version}}`, {key}: key, kind: \"version\", from, until, document: read }}"),
                "Every version: the one that ends is kept in one batch with the change.",
            ));
            script.say(
                "As it was at a time: the version with from <= time < until, or else the document itself.",
            );
        }
        Kind::Outbox => {
            script.say(batch(
                &format!("{{ id: crypto.randomUUID(), {key}: key, kind: \"message\", type, body, ttl: 7 * 24 * 3600 }}"),
                "What other systems are to hear: in one batch with the change.",
            ));
            script.say("Sending: read the change feed and take what has kind = \"message\". A message can come twice.");
        }
        Kind::View => script.say(
            "Another shape to read from: a second container with another partition key, kept from the change feed by a\n\
             function; or analytical queries on the mirror in Fabric. Further regions are the replicas.",
        ),
        Kind::Table | Kind::TimeSeries => {}
    }
    script
}
