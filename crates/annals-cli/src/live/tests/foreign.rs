//! Stores of others: one made with care, and one without.

use annals_model::shape::{KeyPart, Kind, Operation};

use super::*;

/// As message-db makes its store, with so many messages.
fn message_db(schema: &str, messages: u32) -> String {
    format!(
        r#"CREATE SCHEMA {schema};
        SET search_path = {schema};
        CREATE FUNCTION category(stream_name varchar) RETURNS varchar LANGUAGE sql IMMUTABLE AS
            $$ SELECT split_part(category.stream_name, '-', 1) $$;
        CREATE TABLE messages (
            global_position bigserial NOT NULL PRIMARY KEY,
            position bigint NOT NULL,
            time timestamp without time zone DEFAULT (now() AT TIME ZONE 'utc') NOT NULL,
            stream_name text NOT NULL,
            type text NOT NULL,
            data jsonb,
            metadata jsonb,
            id uuid NOT NULL DEFAULT gen_random_uuid()
        );
        CREATE UNIQUE INDEX messages_id ON messages (id);
        CREATE UNIQUE INDEX messages_stream ON messages (stream_name, position);
        CREATE INDEX messages_category ON messages ({schema}.category(stream_name), global_position);
        CREATE FUNCTION write_message(stream varchar) RETURNS bigint LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN 1; END $$;
        CREATE VIEW stream_summary AS SELECT stream_name, count(*) FROM messages GROUP BY stream_name;
        INSERT INTO messages (position, stream_name, type, data, metadata)
        SELECT n / 100, CASE WHEN n % 2 = 0 THEN 'account-' ELSE 'transfer-' END || n % 100,
            CASE n % 10 WHEN 0 THEN 'Opened' WHEN 1 THEN 'Closed' ELSE 'Deposited' END,
            jsonb_build_object('amount', n, 'iban', 'DE89370400440532013000'),
            jsonb_build_object('correlationStreamName', 'someone-' || n)
        FROM generate_series(0, {messages} - 1) n;
        ANALYZE messages"#
    )
}

async fn schema_of_postgres(name: &str, statements: impl Fn(&str) -> String) -> Option<(String, Live)> {
    let server = server("ANNALS_POSTGRES")?;
    let schema = unique(name);
    run(&server, &statements(&schema)).await;
    let live = read(&with_option(&server, &format!("schema={schema}"))).await;
    run(&server, &format!("DROP SCHEMA {schema} CASCADE")).await;
    Some((schema, live))
}

#[tokio::test]
async fn a_store_like_message_db_is_read_with_its_functions_and_expressions() {
    let Some((schema, live)) = schema_of_postgres("live_message", |schema| message_db(schema, 6000)).await
    else {
        return;
    };
    assert_eq!(live.notes, Vec::<String>::new());
    let shape = &live.shape;
    let messages = shape.table("messages").unwrap();
    assert_eq!(messages.name, format!("{schema}.messages"));
    assert_eq!(messages.rows, Some(6000));
    let column = |name: &str| messages.column(name).unwrap();
    assert!(column("global_position").is_counted && !column("position").is_counted);
    assert_eq!((column("data").kind, column("time").kind), (Kind::Json, Kind::LocalTime));
    let category = messages.keys.iter().find(|key| key.name.as_deref() == Some("messages_category")).unwrap();
    let KeyPart::Expression(expression) = &category.parts[0] else { panic!("{category:?}") };
    assert!(expression.contains("category("), "{expression}");
    assert!(shape.table("stream_summary").unwrap().is_view);
    let routines: Vec<_> = shape.routines.iter().map(|routine| routine.name.clone()).collect();
    assert_eq!(routines, [format!("{schema}.category"), format!("{schema}.write_message")]);
    let sample = live.sample.as_ref().unwrap();
    assert_eq!(sample.types["Opened"].events, Some(600));
    assert_eq!(sample.types["Deposited"].read, 200);
    let accounts = &sample.categories["account"];
    assert_eq!((accounts.streams, accounts.events, accounts.longest), (50, 3000, 60));
    assert_eq!((accounts.with_holes, accounts.versions_read), (0, 50));
    assert!(sample.types["Opened"].metadata.contains_key("correlationStreamName"));
    holds_no_value(&live, &["DE8937", "someone-"]);
}

#[tokio::test]
async fn of_a_large_log_only_windows_are_looked_at_and_that_is_said() {
    let statements = |schema: &str| message_db(schema, 25_000);
    let Some((schema, live)) = schema_of_postgres("live_large", statements).await else { return };
    let sample = live.sample.as_ref().unwrap();
    assert!(sample.events.is_some_and(|events| events.abs_diff(25_000) < 500), "{:?}", sample.events);
    assert_eq!(sample.types.len(), 3);
    assert!(sample.types.values().all(|seen| seen.read == 200 && seen.events.is_none()));
    let (accounts, transfers) = (&sample.categories["account"], &sample.categories["transfer"]);
    for category in [accounts, transfers] {
        assert_eq!((category.longest, category.most, category.with_holes), (250, 250, 0));
        assert!(category.streams >= 7, "{category:?}");
    }
    let said = live.notes.join("\n");
    assert!(said.contains(&format!("{schema}.messages has no index on type and position")), "{said}");
    assert!(said.contains("of its streams are"), "{said}");
}

#[tokio::test]
async fn by_an_index_on_the_type_every_type_of_a_large_log_is_found() {
    let statements = |schema: &str| {
        message_db(schema, 25_000)
            + "; CREATE INDEX by_type ON messages (type, global_position);
               UPDATE messages SET type = 'Seen once' WHERE global_position = 7000;
               UPDATE messages SET stream_name = 'account-12', position = global_position + 1000
               WHERE stream_name LIKE 'transfer%'"
    };
    let Some((_, live)) = schema_of_postgres("live_types", statements).await else { return };
    let sample = live.sample.as_ref().unwrap();
    let read: Vec<_> = sample.types.iter().map(|(name, seen)| (name.as_str(), seen.read)).collect();
    assert_eq!(read, [("Closed", 200), ("Deposited", 200), ("Opened", 200), ("Seen once", 1)]);
    assert!(sample.categories["account"].longest > 12_000, "{:?}", sample.categories);
}

#[tokio::test]
async fn a_careless_store_is_read_as_it_is_whatever_its_names_hold() {
    let statements = |schema: &str| {
        format!(
            r#"CREATE SCHEMA {schema};
            SET search_path = {schema};
            CREATE DOMAIN money_amount AS numeric(12, 2);
            CREATE TYPE kind AS ENUM ('CustomerCreated', 'it''s "odd"');
            CREATE TABLE "Event""Store; DROP" (
                id serial PRIMARY KEY,
                "Aggregate Id" varchar(40) NOT NULL,
                version integer,
                event_type kind NOT NULL,
                payload text NOT NULL,
                amount money_amount,
                twice integer GENERATED ALWAYS AS (version * 2) STORED,
                created_at timestamptz DEFAULT now(),
                CHECK (version <> 7)
            );
            CREATE UNIQUE INDEX only_some ON "Event""Store; DROP" ("Aggregate Id", version) WHERE version > 0;
            CREATE TABLE items (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                event_id integer REFERENCES "Event""Store; DROP" (id) ON DELETE CASCADE,
                at date NOT NULL
            );
            CREATE TABLE parts (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
            CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
            CREATE TRIGGER guard BEFORE UPDATE OR TRUNCATE ON "Event""Store; DROP" EXECUTE FUNCTION refuse();
            CREATE TRIGGER switched_off BEFORE DELETE ON "Event""Store; DROP" EXECUTE FUNCTION refuse();
            ALTER TABLE "Event""Store; DROP" DISABLE TRIGGER switched_off;
            CREATE RULE keep AS ON DELETE TO "Event""Store; DROP" DO INSTEAD NOTHING;
            GRANT INSERT, UPDATE ON "Event""Store; DROP" TO PUBLIC;
            INSERT INTO "Event""Store; DROP" ("Aggregate Id", version, event_type, payload)
            VALUES ('customer-$v', 0, 'CustomerCreated', '{{"mail":"berta@example.org"}}'),
                ('customer-$v', 0, 'CustomerCreated', 'no json: carla'),
                ('customer-$v', 3, 'it''s "odd"', '{{"a":1}}'), ('order-1', NULL, 'CustomerCreated', '[]')"#
        )
    };
    let Some((schema, live)) = schema_of_postgres("live_careless", statements).await else { return };
    let shape = &live.shape;
    let events = shape.table(&format!("{schema}.Event\"Store; DROP")).unwrap();
    let column = |name: &str| events.column(name).unwrap();
    assert!(column("id").is_counted && events.may_be_null(column("version")));
    assert_eq!((column("event_type").kind, column("amount").kind), (Kind::Text, Kind::Decimal));
    assert_eq!(column("Aggregate Id").type_name, "character varying(40)");
    assert_eq!(column("twice").generated.as_deref(), Some("(version * 2)"));
    let only_some = events.keys.iter().find(|key| key.predicate.is_some()).unwrap();
    assert_eq!(only_some.predicate.as_deref(), Some("(version > 0)"));
    assert_eq!(events.checks[0].expression, "(version <> 7)");
    let items = shape.table("items").unwrap();
    assert!(items.column("id").unwrap().is_counted);
    assert_eq!(
        (items.foreign_keys[0].table.as_str(), items.foreign_keys[0].cascades),
        (events.name.as_str(), true)
    );
    assert_eq!(shape.table("parts").unwrap().partitioned_by, ["at"]);
    assert!(shape.table("parts_1").is_none());
    let guards: Vec<_> = shape.triggers.iter().map(|t| (t.name.as_str(), t.on.clone(), t.instead)).collect();
    assert_eq!(
        guards,
        [
            ("guard", vec![Operation::Update, Operation::Truncate], false),
            ("keep", vec![Operation::Delete], true)
        ]
    );
    assert!(shape.triggers[0].body.contains("RAISE 'no'"), "{}", shape.triggers[0].body);
    let grant = &shape.grants[0];
    assert_eq!((grant.to.as_str(), grant.table.as_ref()), ("PUBLIC", Some(&events.name)));
    assert_eq!(grant.operations, [Operation::Insert, Operation::Update]);
    assert!(live.notes.iter().any(|note| note.contains("\"switched_off\"")), "{:?}", live.notes);
    let sample = live.sample.as_ref().unwrap();
    assert_eq!((sample.events, sample.read), (Some(4), 4));
    assert_eq!(sample.types.keys().collect::<Vec<_>>(), ["CustomerCreated", "it's \"odd\""]);
    let customers = &sample.categories["customer"];
    assert_eq!((customers.streams, customers.events, customers.with_holes), (1, 3, 1));
    holds_no_value(&live, &["berta", "carla", "$v"]);
}

#[tokio::test]
async fn a_careless_store_of_mysql_is_read_as_it_is() {
    for variable in ["ANNALS_MYSQL", "ANNALS_MARIADB"] {
        let Some(server) = server(variable) else { continue };
        let database = unique("live");
        let statements = format!(
            r#"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;;
            CREATE TABLE {database}.stored_events (
                id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
                aggregate_uuid CHAR(36) NULL,
                aggregate_version BIGINT UNSIGNED NULL,
                event_version TINYINT UNSIGNED NOT NULL DEFAULT 1,
                event_class VARCHAR(255) NOT NULL,
                event_properties JSON NOT NULL,
                meta_data JSON NOT NULL,
                created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                kind ENUM('a', 'b'),
                CHECK (aggregate_version < 1000000),
                UNIQUE KEY place (aggregate_uuid, aggregate_version),
                KEY by_class (event_class)
            );;
            CREATE TABLE {database}.`od``d` (
                id INT PRIMARY KEY, event_id BIGINT UNSIGNED,
                FOREIGN KEY (event_id) REFERENCES {database}.stored_events (id) ON DELETE CASCADE
            );;
            CREATE TABLE {database}.parts (id INT, PRIMARY KEY (id)) PARTITION BY HASH (id) PARTITIONS 3;;
            CREATE TRIGGER {database}.stay BEFORE DELETE ON {database}.stored_events FOR EACH ROW
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no';;
            CREATE PROCEDURE {database}.write_event() SELECT GET_LOCK('log', 5);;
            CREATE USER '{database}'@'%' IDENTIFIED BY 'pw';;
            GRANT INSERT, DELETE ON {database}.stored_events TO '{database}'@'%';;
            INSERT INTO {database}.stored_events
                (aggregate_uuid, aggregate_version, event_class, event_properties, meta_data)
            VALUES ('a-1', 1, 'App\\Events\\MoneyAdded', '{{"mail":"berta@example.org"}}', '{{"user":1}}'),
                ('a-1', 3, 'App\\Events\\MoneyAdded', '{{"mail":"carla@example.org"}}', '{{"user":2}}'),
                (NULL, NULL, 'O''Brien', '{{}}', '{{}}')"#
        );
        run(&server, &statements).await;
        let live = read(&login(&server, "root", &database)).await;
        run(&server, &format!("DROP DATABASE {database};; DROP USER '{database}'@'%'")).await;
        assert_eq!(live.notes, Vec::<String>::new(), "{variable}");
        let shape = &live.shape;
        let events = shape.table("stored_events").unwrap();
        let column = |name: &str| events.column(name).unwrap();
        assert!(column("id").is_counted && events.may_be_null(column("aggregate_version")), "{variable}");
        let kinds = ["event_properties", "meta_data", "aggregate_uuid", "kind", "created_at"];
        let kinds = kinds.map(|name| column(name).kind);
        assert_eq!(kinds, [Kind::Json, Kind::Json, Kind::Char, Kind::Text, Kind::Instant], "{variable}");
        assert_eq!(column("event_class").collation.as_deref(), Some("utf8mb4_general_ci"), "{variable}");
        assert!(events.checks.iter().any(|check| check.expression.contains("1000000")), "{variable}");
        let place = events.keys.iter().find(|key| key.name.as_deref() == Some("place")).unwrap();
        assert_eq!(
            place.columns().collect::<Vec<_>>(),
            ["aggregate_uuid", "aggregate_version"],
            "{variable}"
        );
        let odd = shape.table("od`d").unwrap();
        assert_eq!(
            (odd.foreign_keys[0].table.as_str(), odd.foreign_keys[0].cascades),
            ("stored_events", true)
        );
        assert_eq!(shape.table("parts").unwrap().partitioned_by, ["id"], "{variable}");
        assert_eq!(
            (shape.triggers[0].name.as_str(), &shape.triggers[0].on[..]),
            ("stay", &[Operation::Delete][..])
        );
        assert!(shape.routines[0].body.contains("GET_LOCK"), "{variable}");
        let grant = shape.grants.iter().find(|grant| grant.to.contains(&database)).unwrap();
        assert_eq!(
            (grant.table.as_deref(), grant.operations.len()),
            (Some("stored_events"), 2),
            "{variable}"
        );
        let sample = live.sample.as_ref().unwrap_or_else(|| panic!("{variable}: {:?}", live.notes));
        assert_eq!((sample.events, sample.read), (Some(3), 3), "{variable}");
        assert_eq!(
            sample.types.keys().collect::<Vec<_>>(),
            ["App\\Events\\MoneyAdded", "O'Brien"],
            "{variable}"
        );
        assert_eq!(sample.categories["a"].with_holes, 1, "{variable}");
        holds_no_value(&live, &["berta", "carla"]);
    }
}

#[tokio::test]
async fn a_large_log_of_mysql_is_looked_at_by_its_indexes() {
    for variable in ["ANNALS_MYSQL", "ANNALS_MARIADB"] {
        let Some(server) = server(variable) else { continue };
        let database = unique("live");
        let digits = "SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
                      UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9";
        let statements = format!(
            r#"CREATE DATABASE {database};;
            CREATE TABLE {database}.events (
                position BIGINT AUTO_INCREMENT PRIMARY KEY, stream_id BINARY(16) NOT NULL, version INT NOT NULL,
                type VARCHAR(100) NOT NULL, data LONGBLOB NOT NULL,
                UNIQUE (stream_id, version), KEY (type, position)
            );;
            CREATE TABLE {database}.d AS {digits};;
            INSERT INTO {database}.events (stream_id, version, type, data)
            SELECT UNHEX(LEFT(SHA2(a.d * 10 + b.d, 256), 32)), c.d * 100 + e.d * 10 + f.d,
                CONCAT('T', a.d), '{{"a":1}}'
            FROM {database}.d a, {database}.d b, {database}.d c, {database}.d e, {database}.d f
            WHERE c.d < 3;;
            INSERT INTO {database}.events (stream_id, version, type, data) VALUES (UNHEX(LEFT(SHA2('x', 256), 32)), 1, 'Rare', x'ff00')"#
        );
        run(&server, &statements).await;
        let live = read(&login(&server, "root", &database)).await;
        run(&server, &format!("DROP DATABASE {database}")).await;
        let sample = live.sample.as_ref().unwrap_or_else(|| panic!("{variable}: {:?}", live.notes));
        assert_eq!(sample.types.len(), 11, "{variable}: {:?}", live.notes);
        assert_eq!((sample.types["T3"].read, sample.types["Rare"].read), (200, 1), "{variable}");
        assert!(sample.types["T3"].versions[&None].fields.contains_key("a"), "{variable}");
        let streams = &sample.categories[""];
        assert_eq!((streams.longest, streams.with_holes), (300, 0), "{variable}");
    }
}

#[tokio::test]
async fn a_large_log_of_sql_server_is_read_whatever_its_name_holds() {
    let Some(server) = server("ANNALS_SQLSERVER") else { return };
    let schema = unique("live");
    let digits = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))";
    let statements = format!(
        r#"CREATE SCHEMA {schema};;
        CREATE TABLE {schema}.[Event Log] (
            position bigint IDENTITY PRIMARY KEY, stream_id nvarchar(100) NOT NULL, version int NOT NULL,
            type varchar(50) NOT NULL, data nvarchar(max) NOT NULL, at datetime2 NOT NULL DEFAULT SYSUTCDATETIME(),
            CONSTRAINT place UNIQUE (stream_id, version), CHECK (version >= 0));;
        CREATE INDEX by_type ON {schema}.[Event Log] (type, position) INCLUDE (at);;
        INSERT INTO {schema}.[Event Log] (stream_id, version, type, data)
        SELECT CONCAT('order-', a.d * 10 + b.d), c.d * 100 + e.d * 10 + f.d, CONCAT('T', a.d, ''''), N'{{"a":1}}'
        FROM {digits} a (d), {digits} b (d), {digits} c (d), {digits} e (d), {digits} f (d) WHERE c.d < 3"#
    );
    run(&server, &statements).await;
    let live = read(&with_option(&server, &format!("schema={schema}"))).await;
    run(&server, &format!("DROP TABLE {schema}.[Event Log];; DROP SCHEMA {schema}")).await;
    let log = live.shape.table(&format!("{schema}.Event Log")).unwrap();
    assert!(log.column("position").unwrap().is_counted && log.column("at").unwrap().default.is_some());
    let by_type = log.keys.iter().find(|key| key.columns().eq(["type", "position"]));
    assert!(by_type.is_some_and(|key| !key.is_unique()), "{:?}", log.keys);
    assert!(log.checks[0].expression.contains("version"), "{:?}", log.checks);
    let sample = live.sample.as_ref().unwrap_or_else(|| panic!("{:?}", live.notes));
    assert_eq!((sample.types.len(), sample.types["T3'"].read), (10, 200), "{:?}", live.notes);
    let period = sample.types["T3'"].versions[&None].shapes.values().next().unwrap().period.as_ref();
    assert!(period.is_some_and(|period| period.first.contains('T')));
    let orders = &sample.categories["order"];
    assert_eq!((orders.longest, orders.with_holes), (300, 0));
}

#[tokio::test]
async fn a_careless_file_is_read_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let statements = r#"
        CREATE TABLE "Event Log" (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            stream_id TEXT COLLATE NOCASE NOT NULL,
            version INT CHECK (version >= 0),
            type TEXT, data JSON NOT NULL,
            tenant TEXT GENERATED ALWAYS AS (data ->> '$.tenant') VIRTUAL,
            UNIQUE (stream_id, version)
        );
        CREATE INDEX by_tenant ON "Event Log" (lower(tenant), seq) WHERE type IS NOT NULL;
        CREATE TABLE child (id TEXT PRIMARY KEY, log REFERENCES "Event Log" ON DELETE CASCADE) WITHOUT ROWID;
        CREATE VIEW last AS SELECT max(seq) FROM "Event Log";
        CREATE TRIGGER no_delete BEFORE DELETE ON "Event Log" BEGIN SELECT RAISE(ABORT, 'no'); END;
        INSERT INTO "Event Log" (stream_id, version, type, data)
        VALUES ('cart-1', 0, 'Added', '{"mail":"berta@example.org"}'), ('cart-1', 2, 'Added', '"carla"'),
            ('cart-2', 0, 'It''s', x'7b7d')"#;
    connection.execute_batch(statements).unwrap();
    let live = read(&format!("sqlite:{}", path.display())).await;
    assert_eq!(live.notes, Vec::<String>::new());
    let shape = &live.shape;
    assert_eq!(names(shape), ["Event Log", "child", "last"]);
    let events = shape.table("Event Log").unwrap();
    let column = |name: &str| events.column(name).unwrap();
    assert!(
        column("seq").is_counted && !column("version").is_counted && events.may_be_null(column("version"))
    );
    assert_eq!(column("stream_id").collation.as_deref().map(str::to_uppercase).as_deref(), Some("NOCASE"));
    assert!(column("tenant").generated.as_deref().is_some_and(|it| it.contains("$.tenant")), "{events:?}");
    assert!(events.checks.iter().any(|check| check.expression.contains("version >= 0")), "{events:?}");
    let by_tenant = events.keys.iter().find(|key| key.name.as_deref() == Some("by_tenant")).unwrap();
    assert_eq!(by_tenant.parts[0], KeyPart::Expression("lower(tenant)".to_owned()));
    assert_eq!(by_tenant.predicate.as_deref(), Some("type IS NOT NULL"));
    assert_eq!((events.rows, shape.table("last").unwrap().is_view), (Some(3), true));
    assert!(shape.table("child").unwrap().foreign_keys[0].cascades);
    assert_eq!(shape.triggers[0].on, [Operation::Delete]);
    let sample = live.sample.as_ref().unwrap();
    assert_eq!((sample.events, sample.read, sample.types["It's"].read), (Some(3), 3, 1));
    assert_eq!((sample.categories["cart"].with_holes, sample.categories["cart"].streams), (1, 2));
    holds_no_value(&live, &["berta", "carla"]);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["a.db"]);
}
