//! Read models that a file declares, in each database that has tables.

use annals::declared::Declaration;
use annals::mysql::mysql_async::Conn;
use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::postgres::tokio_postgres::{NoTls, SimpleQueryMessage};
use annals::prelude::*;
use annals::project::{Check, Projector};
use annals::sqlite::rusqlite::Connection;
use annals::sqlserver::Session;
use annals::sqlserver::tiberius::Row;
use annals::{ErrorKind, JsonText, Payload, StoreUrl};

/// A database for the tables, and how it writes what differs.
struct Database {
    url: String,
    types: [&'static str; 4],
    /// That a parameter is true.
    is_true: &'static str,
    /// Of a column with a time, with an object, with bytes: as text.
    texts: [&'static str; 3],
}

fn unique() -> String {
    annals::EventId::new().uuid().simple().to_string().split_off(20)
}

fn databases(dir: &tempfile::TempDir) -> Vec<Database> {
    let sqlite = Database {
        url: format!("sqlite:{}", dir.path().join("views.db").display()),
        types: ["TEXT", "TEXT", "TEXT", "BLOB"],
        is_true: "",
        texts: ["replace(replace(at, 'T', ' '), 'Z', '')", "item", "hex(content)"],
    };
    let mysql = |url: String| Database {
        url,
        types: ["DECIMAL(40, 2)", "DATETIME(6)", "JSON", "LONGBLOB"],
        is_true: "",
        texts: ["DATE_FORMAT(at, '%Y-%m-%d %H:%i:%s')", "item", "HEX(content)"],
    };
    let postgres = |url: String| Database {
        url: format!("{url}?schema=declared_{}", unique()),
        types: ["numeric(40, 2)", "timestamptz", "json", "bytea"],
        is_true: "",
        texts: [
            "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
            "item::text",
            "upper(encode(content, 'hex'))",
        ],
    };
    let sqlserver = |url: String| Database {
        url: format!("{url}?schema=declared_{}", unique()),
        types: ["decimal(38, 2)", "datetimeoffset(6)", "nvarchar(max)", "varbinary(max)"],
        is_true: " = 1",
        texts: ["CONVERT(varchar(19), at, 120)", "item", "CASE WHEN content = 0x00FF27 THEN '00FF27' END"],
    };
    let mut databases = vec![sqlite];
    databases.extend(std::env::var("ANNALS_SQLSERVER").ok().map(sqlserver));
    databases.extend(std::env::var("ANNALS_POSTGRES").ok().map(postgres));
    databases.extend(
        ["ANNALS_MYSQL", "ANNALS_MARIADB"].into_iter().filter_map(|it| std::env::var(it).ok()).map(mysql),
    );
    databases
}

impl Database {
    fn declaration(&self, table: &str) -> Declaration {
        let ([decimal, time, json, bytes], is_true) = (self.types, self.is_true);
        format!(
            r#"
            name = "{table}"
            key_columns = {{ {table} = "id" }}
            tables = """CREATE TABLE {{{table}}} (id VARCHAR(200) NOT NULL PRIMARY KEY, name VARCHAR(200),
                amount {decimal}, at {time}, item {json}, content {bytes}, paid SMALLINT, version BIGINT NOT NULL)"""
            [on]
            placed = """INSERT INTO {{{table}}} (id, name, amount, at, item, version)
                VALUES (:stream_id, :payload.customer."full name", :payload.amount, :occurred_at, :payload.items.1,
                    :stream_version)"""
            paid = [
                "UPDATE {{{table}}} SET paid = CASE WHEN :payload.cash{is_true} THEN 1 ELSE 0 END WHERE id = :stream_id",
                "UPDATE {{{table}}} SET version = :stream_version, name = COALESCE(:payload.missing, name) WHERE id = :stream_id",
            ]
            scanned = "UPDATE {{{table}}} SET content = :payload, version = :stream_version WHERE id = :stream_id"
            "#
        )
        .parse()
        .unwrap()
    }

    async fn rows(&self, table: &str) -> Vec<Vec<Option<String>>> {
        let [time, json, bytes] = self.texts;
        let sql = format!(
            "SELECT id, name, amount, {time}, {json}, {bytes}, paid, version FROM {table} ORDER BY id"
        );
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            let connection = Connection::open(path).unwrap();
            let mut statement = connection.prepare(&sql).unwrap();
            let text = |row: &annals::sqlite::rusqlite::Row<'_>, n: usize| {
                row.get::<_, annals::sqlite::rusqlite::types::Value>(n).map(|value| match value {
                    annals::sqlite::rusqlite::types::Value::Null => None,
                    annals::sqlite::rusqlite::types::Value::Integer(n) => Some(n.to_string()),
                    annals::sqlite::rusqlite::types::Value::Real(n) => Some(n.to_string()),
                    annals::sqlite::rusqlite::types::Value::Text(text) => Some(text),
                    annals::sqlite::rusqlite::types::Value::Blob(_) => panic!("bytes"),
                })
            };
            let rows = statement.query_map([], |row| (0..8).map(|n| text(row, n)).collect()).unwrap();
            return rows.map(Result::unwrap).collect();
        }
        if self.url.starts_with("postgres") {
            let (server, _) = self.url.split_once('?').unwrap();
            let (client, connection) =
                annals::postgres::tokio_postgres::connect(server, NoTls).await.unwrap();
            tokio::spawn(connection);
            let said = client.simple_query(&sql).await.unwrap();
            let rows = said.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((0..8).map(|n| row.get(n).map(str::to_owned)).collect()),
                _ => None,
            });
            return rows.collect();
        }
        if self.url.starts_with("sqlserver") {
            let columns = format!(
                "SELECT CAST(id AS nvarchar(max)), CAST(name AS nvarchar(max)), CAST(amount AS nvarchar(max)), \
                 CAST({time} AS nvarchar(max)), CAST({json} AS nvarchar(max)), CAST({bytes} AS nvarchar(max)), \
                 CAST(paid AS nvarchar(max)), CAST(version AS nvarchar(max)) FROM {table} ORDER BY id"
            );
            let mut session = Session::open(&self.url.parse().unwrap()).await.unwrap();
            let client = session.client().await.unwrap();
            let rows = client.simple_query(columns).await.unwrap().into_first_result().await.unwrap();
            let text = |row: &Row, n: usize| row.get::<&str, _>(n).map(str::to_owned);
            return rows.iter().map(|row| (0..8).map(|n| text(row, n)).collect()).collect();
        }
        let mut conn = Conn::from_url(&self.url).await.unwrap();
        let rows: Vec<annals::mysql::mysql_async::Row> = conn.query(sql).await.unwrap();
        rows.iter().map(|row| (0..8).map(|n| row.get::<Option<String>, _>(n).unwrap()).collect()).collect()
    }

    async fn execute(&self, sql: &str) {
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        } else if self.url.starts_with("postgres") {
            let (server, _) = self.url.split_once('?').unwrap();
            let (client, connection) =
                annals::postgres::tokio_postgres::connect(server, NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
        } else if self.url.starts_with("sqlserver") {
            let mut session = Session::open(&self.url.parse().unwrap()).await.unwrap();
            session.client().await.unwrap().simple_query(sql).await.unwrap().into_results().await.unwrap();
        } else {
            Conn::from_url(&self.url).await.unwrap().query_drop(sql).await.unwrap();
        }
    }
}

fn event(event_type: &str, payload: &str) -> NewEvent {
    let mut event = NewEvent::json(event_type, &()).unwrap();
    event.payload = Payload::Json(JsonText::parse(payload).unwrap());
    event.occurred_at = "2026-03-04T05:06:07.123456Z".parse().unwrap();
    event
}

async fn filled() -> EventStore {
    let store = EventStore::connect("memory:").await.unwrap();
    let placed = event(
        "placed",
        r#"{"customer":{"full name":"Zoë 🦀 'x'"},"amount":12345678901234567890123456789012.10,"items":[1,{"k":"v"}]}"#,
    );
    store.append("order-1", Expected::Any, [placed]).await.unwrap();
    store.append("order-2", Expected::Any, [event("placed", r#"{"amount":null}"#)]).await.unwrap();
    store.append("order-1", Expected::Any, [event("paid", r#"{"cash":true}"#)]).await.unwrap();
    let mut scanned = event("scanned", "1");
    scanned.payload = Payload::Bytes(vec![0, 255, 39].into());
    store.append("order-1", Expected::Any, [scanned]).await.unwrap();
    store.append("order-1", Expected::Any, [event("of no interest", "{}")]).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_hold_what_the_file_says_in_every_database() {
    let dir = tempfile::tempdir().unwrap();
    for database in databases(&dir) {
        let table = format!("declared_{}", unique());
        let store = filled().await;
        let url: StoreUrl = database.url.parse().unwrap();
        let model = || url.read_model(database.declaration(&table)).unwrap().retries(0);
        let projector = Projector::new(store.clone()).with(model());
        assert_eq!(projector.catch_up().await.unwrap(), 4, "{url}");
        let text = |text: &str| Some(text.to_owned());
        let at = text("2026-03-04 05:06:07");
        let at = if database.url.starts_with("sqlite") { text("2026-03-04 05:06:07.123456") } else { at };
        let amount = if database.url.starts_with("sqlite") {
            // Its numbers are 64 bits wide; a column of text shows what is left of the rest.
            database.rows(&table).await[0][2].clone()
        } else {
            text("12345678901234567890123456789012.10")
        };
        let first = vec![text("order-1"), text("Zoë 🦀 'x'"), amount, at.clone()];
        let first = [first, vec![None, text("00FF27"), text("1"), text("3")]].concat();
        let mut rows = database.rows(&table).await;
        let item = rows[0][4].take().unwrap().replace(' ', "");
        assert_eq!(item, r#"{"k":"v"}"#, "{url}");
        rows[1][3].take();
        // SQLite has no bytes where there are none.
        rows[1][5] = rows[1][5].take().filter(|bytes| !bytes.is_empty());
        let second = vec![text("order-2"), None, None, None, None, None, None, text("1")];
        assert_eq!(rows, [first, second], "{url}");

        // Again is nothing new; a rebuild is the same; another process goes on where this one stood.
        let whole = database.rows(&table).await;
        assert_eq!(projector.catch_up().await.unwrap(), 0);
        assert_eq!(projector.rebuild(&table).await.unwrap(), 4);
        assert_eq!(database.rows(&table).await, whole);

        // Rows that somebody has changed are found and mended, and no others.
        let check = || Check { sample: 1.0, heal: true, ..Check::default() };
        let checked = projector.check(&table, check()).await.unwrap();
        assert_eq!((checked.keys, checked.events, checked.wrong), (2, 4, 0), "{url}: {checked:?}");
        database.execute(&format!("UPDATE {table}__2 SET amount = 1 WHERE id = 'order-1'")).await;
        let checked = projector.check(&table, check()).await.unwrap();
        assert_eq!((checked.wrong, checked.parted[0].key.as_str()), (1, "order-1"), "{url}: {checked:?}");
        assert_eq!(database.rows(&table).await, whole, "{url}");

        store.append("order-2", Expected::Any, [event("paid", r#"{"cash":false}"#)]).await.unwrap();
        let other = Projector::new(store.clone()).with(model());
        assert_eq!(other.catch_up().await.unwrap(), 1);

        // A statement that fails stops it before the event, which is named.
        store.append("order-3", Expected::Any, [event("placed", "{}")]).await.unwrap();
        let twice = event("placed", "{}");
        let id = twice.event_id;
        store.append("order-1", Expected::Any, [twice]).await.unwrap();
        let error = other.catch_up().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(&id.to_string()), "{error}");
        assert_eq!(database.rows(&table).await.len(), 3);
        url.read_models().unwrap().remove(&table).await.unwrap();
        if database.url.contains("schema=") {
            let schema = database.url.split_once("schema=").unwrap().1;
            if database.url.starts_with("postgres") {
                database.execute(&format!("DROP SCHEMA {schema} CASCADE")).await;
            } else {
                let tables = ["s", "_format", "_generations", "_parts", "_parked", "_runners"];
                let drop = tables.map(|name| format!("DROP TABLE {schema}.projection{name};")).concat();
                database.execute(&format!("{drop} DROP SCHEMA {schema}")).await;
            }
        }
    }
}

#[test]
fn a_store_without_tables_is_no_place_for_a_read_model() {
    let dir = tempfile::tempdir().unwrap();
    let declaration = databases(&dir)[0].declaration("t");
    let url: StoreUrl = "memory:".parse().unwrap();
    let error = url.read_model(declaration).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("with tables"), "{error}");
}
