//! What is read of scripts in the four dialects.

use super::*;
use crate::shape::{Column, Key, KeyKind, KeyPart, Kind, Operation, StoreShape, Table};

use Product::{MySql, Postgres, SqlServer, Sqlite};

/// The shape of a script, and what of it was not read.
fn shape(product: Option<Product>, script: &str) -> (StoreShape, Vec<String>) {
    let mut texts = Texts::default();
    let file = texts.add("store.sql", script);
    let shape = read(&texts, file, product);
    let unread = shape.unread.iter().map(|unread| unread.what.clone()).collect();
    (shape, unread)
}

/// The shape of a script that is read whole.
fn whole(product: Product, script: &str) -> StoreShape {
    let (shape, unread) = shape(Some(product), script);
    assert_eq!(unread, Vec::<String>::new(), "{script}");
    shape
}

/// The one table of a script.
fn table(product: Product, script: &str) -> Table {
    let mut tables = whole(product, script).tables;
    assert_eq!(tables.len(), 1, "{script}: {tables:?}");
    tables.remove(0)
}

fn column(product: Product, definition: &str) -> Column {
    table(product, &format!("CREATE TABLE t ({definition}, last int)")).columns.remove(0)
}

/// `primary a b`, `unique a WHERE c`.
fn keys(table: &Table) -> Vec<String> {
    let key = |key: &Key| {
        let kind = match key.kind {
            KeyKind::Primary => "primary",
            KeyKind::Unique => "unique",
            KeyKind::Index => "index",
        };
        let part = |part: &KeyPart| match part {
            KeyPart::Column(name) => name.clone(),
            KeyPart::Expression(text) => format!("({text})"),
        };
        let parts: Vec<String> = key.parts.iter().map(part).collect();
        let predicate = key.predicate.as_ref().map(|text| format!(" WHERE {text}")).unwrap_or_default();
        format!("{kind} {}{predicate}", parts.join(" "))
    };
    table.keys.iter().map(key).collect()
}

#[test]
fn the_schemas_of_annals_itself_are_read_whole() {
    for (product, script, tables, triggers) in OWN {
        let (shape, unread) = shape(None, script);
        assert_eq!(shape.product, Some(product));
        assert_eq!(unread, Vec::<String>::new(), "{product:?}");
        assert_eq!((shape.tables.len(), shape.triggers.len()), (tables, triggers), "{product:?}");
        let events = shape.tables.iter().find(|table| table.name.ends_with("events"));
        let unique = events.map_or(0, |events| events.keys.iter().filter(|key| key.is_unique()).count());
        assert!(unique >= 3, "{product:?}: {events:?}");
    }
}

const OWN: [(Product, &str, usize, usize); 4] = [
    (Postgres, include_str!("../../../../annals/src/postgres/sql/schema.sql"), 5, 4),
    (MySql, include_str!("../../../../annals/src/mysql/sql/schema.sql"), 5, 6),
    (Sqlite, include_str!("../../../../annals/src/sqlite/sql/schema.sql"), 5, 9),
    (SqlServer, include_str!("../../../../annals/src/sqlserver/sql/schema.sql"), 6, 4),
];

#[test]
fn a_product_is_known_by_what_only_it_has() {
    let guess = |script: &str| shape(None, script).0.product;
    assert_eq!(guess("CREATE TABLE e (id bigserial, data jsonb)"), Some(Postgres));
    assert_eq!(guess("CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql"), Some(Postgres));
    assert_eq!(guess("CREATE TABLE `e` (id bigint AUTO_INCREMENT) ENGINE=InnoDB"), Some(MySql));
    assert_eq!(guess("CREATE TABLE e (id serial, data blob)"), Some(MySql));
    assert_eq!(guess("CREATE TABLE [dbo].[e] (id bigint IDENTITY(1,1))\nGO\n"), Some(SqlServer));
    assert_eq!(guess("CREATE TABLE e (id INTEGER PRIMARY KEY AUTOINCREMENT, [text] TEXT)"), Some(Sqlite));
    assert_eq!(guess("CREATE TABLE e (id TEXT PRIMARY KEY) WITHOUT ROWID"), Some(Sqlite));
    assert_eq!(guess("CREATE TABLE e (id int, data varchar(20))"), None);
    assert_eq!(guess(""), None);
}

#[test]
fn types_hold_what_their_product_says() {
    let kind = |product, type_name: &str| column(product, &format!("c {type_name} NOT NULL")).kind;
    for (name, is) in [
        ("timestamp", Kind::LocalTime),
        ("timestamp(6) without time zone", Kind::LocalTime),
        ("TIMESTAMP WITH TIME ZONE", Kind::Instant),
        ("timestamptz(3)", Kind::Instant),
        ("pg_catalog.int8", Kind::Integer(64)),
        ("character varying(20)", Kind::Text),
        ("character(20)", Kind::Char),
        ("text[]", Kind::List),
        ("jsonb", Kind::Json),
        ("xid8", Kind::RowVersion),
        ("bytea", Kind::Bytes),
        ("double precision", Kind::Float),
        ("event_kind", Kind::Other),
    ] {
        assert_eq!(kind(Postgres, name), is, "{name}");
    }
    for (name, is) in [
        ("timestamp(6)", Kind::Instant),
        ("datetime(6)", Kind::LocalTime),
        ("tinyint(1)", Kind::Bool),
        ("bigint unsigned", Kind::Integer(64)),
        ("varchar(20) CHARACTER SET utf8mb4", Kind::Text),
        ("binary(16)", Kind::Bytes),
        ("enum('a', 'b')", Kind::Other),
    ] {
        assert_eq!(kind(MySql, name), is, "{name}");
    }
    for (name, is) in [
        ("[nvarchar](max)", Kind::Text),
        ("datetimeoffset(7)", Kind::Instant),
        ("datetime2", Kind::LocalTime),
        ("timestamp", Kind::RowVersion),
        ("rowversion", Kind::RowVersion),
        ("uniqueidentifier", Kind::Uuid),
        ("bit", Kind::Bool),
    ] {
        assert_eq!(kind(SqlServer, name), is, "{name}");
    }
    for (name, is) in [
        ("INTEGER", Kind::Integer(64)),
        ("UNSIGNED BIG INT", Kind::Integer(64)),
        ("VARCHAR(20)", Kind::Text),
        ("JSON", Kind::Text),
        ("BLOB", Kind::Bytes),
    ] {
        assert_eq!(kind(Sqlite, name), is, "{name}");
    }
    assert_eq!(column(SqlServer, "c [decimal](10, 2)").type_name, "decimal(10,2)");
    assert_eq!(
        column(Postgres, "c Timestamp (3)  WITH time\n zone").type_name,
        "timestamp(3) with time zone"
    );
}

#[test]
fn columns_that_the_database_counts_are_known() {
    let is_counted = |product, definition: &str| column(product, definition).is_counted;
    assert!(is_counted(Postgres, "c bigserial"));
    assert!(is_counted(Postgres, "c bigint GENERATED ALWAYS AS IDENTITY (START WITH 1)"));
    assert!(is_counted(Postgres, "c bigint DEFAULT nextval('s'::regclass) NOT NULL"));
    assert!(is_counted(MySql, "c bigint NOT NULL AUTO_INCREMENT PRIMARY KEY"));
    assert!(is_counted(SqlServer, "c bigint IDENTITY(1,1) NOT NULL"));
    assert!(is_counted(SqlServer, "c bigint NOT NULL DEFAULT (NEXT VALUE FOR dbo.s)"));
    assert!(is_counted(SqlServer, "c bigint NOT NULL DEFAULT NEXT VALUE FOR dbo.s"));
    assert!(is_counted(Sqlite, "c INTEGER PRIMARY KEY"));
    assert!(!is_counted(Sqlite, "c INT PRIMARY KEY"));
    assert!(!is_counted(Postgres, "c integer PRIMARY KEY"));
    assert!(!is_counted(Postgres, "c bigint GENERATED ALWAYS AS (length(d)) STORED"));
    let table = table(Sqlite, "CREATE TABLE t (c INTEGER PRIMARY KEY) WITHOUT ROWID");
    assert!(!table.columns[0].is_counted);
}

#[test]
fn what_is_said_of_a_column_is_read() {
    let it = column(Postgres, "c text COLLATE \"C\" NOT NULL DEFAULT 'a, b'::text CHECK (c <> '')");
    assert_eq!(
        (it.nullable, it.collation.as_deref(), it.default.as_deref()),
        (false, Some("C"), Some("'a, b'::text"))
    );
    let it = column(Postgres, "c timestamptz DEFAULT (now() AT TIME ZONE 'utc') NOT NULL");
    assert_eq!((it.nullable, it.default.as_deref()), (false, Some("(now() AT TIME ZONE 'utc')")));
    let it = column(Postgres, "c timestamptz DEFAULT now() AT TIME ZONE 'utc' NOT NULL");
    assert_eq!((it.nullable, it.default.as_deref()), (false, Some("now() AT TIME ZONE 'utc'")));
    let it = column(
        MySql,
        "`c` datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'x'",
    );
    assert_eq!((it.nullable, it.default.as_deref()), (true, Some("CURRENT_TIMESTAMP(6)")));
    let it = column(SqlServer, "[c] AS ([a] + 1) PERSISTED NOT NULL");
    assert_eq!((it.nullable, it.generated.as_deref()), (false, Some("[a] + 1")));
    let it = column(MySql, "c varchar(20) AS (json_unquote(d)) STORED");
    assert_eq!(it.generated.as_deref(), Some("json_unquote(d)"));
    let it = column(SqlServer, "c int CONSTRAINT [d] DEFAULT ((0)) NOT NULL");
    assert_eq!((it.nullable, it.default.as_deref()), (false, Some("((0))")));
    assert_eq!(column(Sqlite, "c").type_name, "");
}

#[test]
fn keys_stand_at_columns_among_them_and_after_the_table() {
    let script = "CREATE TABLE IF NOT EXISTS shop.\"events\" (
            id uuid UNIQUE, stream text, version int, kind text, data jsonb,
            CONSTRAINT pk PRIMARY KEY (stream, version), UNIQUE (kind, id));
        CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a ON ONLY shop.events USING btree (lower(kind), version DESC)
            INCLUDE (id) WHERE kind IS NOT NULL;
        CREATE INDEX ON events ((data->>'customer'), stream COLLATE \"C\" text_pattern_ops NULLS FIRST);
        ALTER TABLE ONLY shop.events ADD CONSTRAINT b UNIQUE (id, version), ALTER COLUMN id SET NOT NULL;";
    let table = table(Postgres, script);
    assert_eq!(table.name, "shop.events");
    assert_eq!(
        keys(&table),
        [
            "unique id",
            "primary stream version",
            "unique kind id",
            "unique (lower(kind)) version WHERE kind IS NOT NULL",
            "index (data->>'customer') stream",
            "unique id version",
        ]
    );
    let nullable: Vec<&str> =
        table.columns.iter().filter(|column| column.nullable).map(|column| column.name.as_str()).collect();
    assert_eq!(nullable, ["kind", "data"]);
}

#[test]
fn keys_of_mysql_and_sql_server_stand_among_the_columns() {
    let script =
        "CREATE TABLE `events` (`no` bigint NOT NULL AUTO_INCREMENT, `key` varchar(20), PRIMARY KEY (`no`),
        UNIQUE KEY `guard` (`stream`, `version`) USING BTREE, KEY `a` (`type`(20)), FULLTEXT KEY f (`key`)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin PARTITION BY HASH (`no`) PARTITIONS 4;
        CREATE INDEX b USING BTREE ON events (`key`);";
    let it = table(MySql, script);
    assert_eq!(
        keys(&it),
        ["primary no", "unique stream version", "index (`type`(20))", "index key", "index key"]
    );
    assert_eq!(it.columns[1].collation.as_deref(), Some("utf8mb4_bin"));
    assert_eq!(it.columns[0].collation, None);
    assert_eq!(it.partitioned_by, ["no"]);

    let script = "CREATE TABLE [dbo].[Events] ([Id] int NOT NULL, B AS LOWER(Id)
            CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([Id] ASC) WITH (FILLFACTOR = 80) ON [PRIMARY],
            INDEX [ix] UNIQUE NONCLUSTERED ([B]) WHERE [B] IS NOT NULL
        ) ON [PRIMARY]
        CREATE NONCLUSTERED INDEX a ON dbo.Events (B DESC) INCLUDE (Id) WHERE B > 0 WITH (ONLINE = ON) ON [PRIMARY]
        ALTER TABLE [dbo].[Events] WITH CHECK ADD CONSTRAINT u UNIQUE (B, Id), c int NOT NULL
        ALTER TABLE dbo.Events ADD CONSTRAINT d DEFAULT (NEXT VALUE FOR s) FOR c
        GO";
    let it = table(SqlServer, script);
    assert_eq!(
        keys(&it),
        ["primary Id", "unique B WHERE [B] IS NOT NULL", "index B WHERE B > 0", "unique B Id"]
    );
    assert!(it.columns[2].is_counted && !it.columns[2].nullable);
}

#[test]
fn sqlite_takes_constraints_without_commas() {
    let script =
        "CREATE TABLE t (a text, b int, UNIQUE (a, b) ON CONFLICT REPLACE CHECK (b > 0) UNIQUE (b)) STRICT";
    let table = table(Sqlite, script);
    assert_eq!(keys(&table), ["unique a b", "unique b"]);
    assert_eq!(table.checks.len(), 1);
}

#[test]
fn references_and_checks_are_read() {
    let script =
        "CREATE TABLE a (id int PRIMARY KEY REFERENCES s.b ON DELETE CASCADE ON UPDATE SET NULL NOT NULL,
        n int CHECK ((n > 0)), CONSTRAINT c FOREIGN KEY (id, n) REFERENCES d (x, y) MATCH FULL DEFERRABLE,
        CHECK (id <> n))";
    let table = table(Postgres, script);
    let foreign: Vec<_> = table
        .foreign_keys
        .iter()
        .map(|key| (key.columns.join(" "), key.table.as_str(), key.referred.join(" "), key.cascades))
        .collect();
    assert_eq!(
        foreign,
        [("id".to_owned(), "s.b", String::new(), true), ("id n".to_owned(), "d", "x y".to_owned(), false)]
    );
    let checks: Vec<&str> = table.checks.iter().map(|check| check.expression.as_str()).collect();
    assert_eq!(checks, ["n > 0", "id <> n"]);
}

#[test]
fn what_later_statements_change_is_changed() {
    let script = "CREATE TABLE a (id int, old text NOT NULL, gone int, PRIMARY KEY (id));
        CREATE INDEX i ON a (gone); CREATE INDEX j ON a (old);
        CREATE TABLE b (id int); DROP TABLE IF EXISTS b, c;
        ALTER TABLE a DROP CONSTRAINT a_pkey, ADD COLUMN IF NOT EXISTS at timestamptz DEFAULT now() NOT NULL;
        ALTER TABLE a RENAME COLUMN old TO new; ALTER TABLE a ALTER new DROP NOT NULL, ALTER id TYPE bigint;
        ALTER TABLE a ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 1);
        ALTER TABLE a DROP COLUMN gone; ALTER TABLE a OWNER TO me; DROP INDEX j;
        ALTER TABLE a RENAME TO events;";
    let table = table(Postgres, script);
    assert_eq!(table.name, "events");
    let columns: Vec<_> =
        table.columns.iter().map(|column| (column.name.as_str(), column.kind, column.nullable)).collect();
    assert_eq!(
        columns,
        [("id", Kind::Integer(64), false), ("new", Kind::Text, true), ("at", Kind::Instant, false)]
    );
    assert!(table.columns[0].is_counted);
    assert_eq!(keys(&table), Vec::<String>::new());

    let script = "CREATE TABLE a (id int, b varchar(9)); ALTER TABLE a MODIFY COLUMN id bigint NOT NULL AFTER b,
        CHANGE b c text, ADD UNIQUE KEY u (c), ADD (d int, e int), CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;";
    let table = self::table(MySql, script);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "c", "d", "e"]);
    assert_eq!(
        (table.columns[0].nullable, table.columns[1].collation.as_deref()),
        (false, Some("utf8mb4_bin"))
    );
    assert_eq!(keys(&table), ["unique c"]);
}

#[test]
fn partitions_belong_to_their_table() {
    let script =
        "CREATE TABLE events (id bigint, at timestamptz, kind text) PARTITION BY RANGE (date_trunc('month', at), lower(kind));
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE copies (LIKE events INCLUDING ALL);
        CREATE TEMP TABLE t (id int); CREATE UNLOGGED TABLE u (id int);
        CREATE TABLE heirs (more int) INHERITS (events);";
    let shape = whole(Postgres, script);
    let names: Vec<&str> = shape.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["events", "copies", "u", "heirs"]);
    assert_eq!(shape.tables[0].partitioned_by, ["at", "kind"]);
    assert_eq!(shape.tables[1].columns.len(), 3);
    assert_eq!(shape.tables[3].columns.len(), 4);
}

#[test]
fn triggers_have_the_body_of_the_function_that_they_call() {
    let script = "CREATE TABLE events (id int);
        CREATE OR REPLACE TRIGGER keep BEFORE UPDATE OF id OR DELETE OR TRUNCATE ON events
            FOR EACH ROW WHEN (OLD.id > 0) EXECUTE PROCEDURE public.refuse('x');
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN NULL; END $f$;
        CREATE RULE no_delete AS ON DELETE TO events DO INSTEAD NOTHING;
        CREATE RULE two AS ON UPDATE TO events WHERE true DO ALSO (INSERT INTO a VALUES (1); NOTIFY x);";
    let shape = whole(Postgres, script);
    let [keep, no_delete, two] = &shape.triggers[..] else { panic!("{:?}", shape.triggers) };
    assert_eq!(keep.on, [Operation::Update, Operation::Delete, Operation::Truncate]);
    assert!(keep.body.contains("RETURN NULL") && !keep.instead);
    assert_eq!((&no_delete.on[..], no_delete.instead), (&[Operation::Delete][..], true));
    assert_eq!((two.table.as_str(), two.instead), ("events", false));
    assert_eq!(shape.routines.len(), 1);
}

#[test]
fn triggers_of_the_others_are_read() {
    let script =
        "CREATE TABLE e (id int);\nDELIMITER //\nCREATE DEFINER=`me`@`%` TRIGGER keep BEFORE UPDATE ON e
        FOR EACH ROW BEGIN IF NEW.id > 1 THEN SIGNAL SQLSTATE '45000'; END IF; END//\nDELIMITER ;
        CREATE TRIGGER k2 BEFORE DELETE ON e FOR EACH ROW BEGIN SELECT CASE WHEN 1 THEN 2 END; END;
        CREATE TABLE f (id int);";
    let shape = whole(MySql, script);
    assert_eq!((shape.triggers.len(), shape.tables.len()), (2, 2));
    assert!(shape.triggers[0].body.ends_with("END"), "{:?}", shape.triggers[0].body);

    let script =
        "CREATE TABLE e (id int)\nGO\nCREATE OR ALTER TRIGGER dbo.keep ON dbo.e INSTEAD OF UPDATE, DELETE AS
        BEGIN IF 1 = 1 THROW 50000, 'no', 1; CREATE TABLE #x (id int); END\nGO\nCREATE TABLE f (id int)";
    let shape = whole(SqlServer, script);
    assert_eq!((shape.triggers.len(), shape.tables.len()), (1, 2));
    assert_eq!(shape.triggers[0].on, [Operation::Update, Operation::Delete]);
    assert!(shape.triggers[0].instead);

    let script =
        "CREATE TABLE e (id int); CREATE TRIGGER IF NOT EXISTS keep BEFORE DELETE ON e WHEN OLD.id > 0
        BEGIN SELECT RAISE(ABORT, 'no'); END; CREATE TABLE f (id int);";
    let shape = whole(Sqlite, script);
    assert_eq!((shape.triggers.len(), shape.tables.len()), (1, 2));
}

#[test]
fn grants_say_to_whom_and_of_what() {
    let script = "GRANT SELECT, INSERT (a, b) ON TABLE shop.events, other TO app, \"Reader\" WITH GRANT OPTION;
        REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA shop FROM PUBLIC; GRANT role TO me; GRANT USAGE ON SCHEMA s TO me;
        GRANT EXECUTE ON FUNCTION f(int) TO me; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT INSERT ON TABLES TO app;";
    let shape = whole(Postgres, script);
    let grants: Vec<_> = shape
        .grants
        .iter()
        .map(|grant| (grant.to.as_str(), grant.table.as_deref(), grant.is_denied))
        .collect();
    assert_eq!(
        grants,
        [
            ("app", Some("shop.events"), false),
            ("app", Some("other"), false),
            ("Reader", Some("shop.events"), false),
            ("Reader", Some("other"), false),
            ("PUBLIC", None, true),
            ("app", None, false),
        ]
    );
    assert_eq!(shape.grants[0].operations, [Operation::Insert]);
    assert_eq!(shape.grants[4].operations.len(), 4);

    let script = "DENY UPDATE, DELETE ON OBJECT::dbo.Events TO app\nGRANT INSERT ON SCHEMA::dbo TO [app]\nGO";
    let shape = whole(SqlServer, script);
    assert_eq!(shape.grants[0].table.as_deref(), Some("dbo.Events"));
    assert!(shape.grants[0].is_denied);
    assert_eq!((shape.grants[1].to.as_str(), shape.grants[1].table.as_deref()), ("app", None));

    let shape =
        whole(MySql, "GRANT SELECT, UPDATE ON shop.* TO 'app'@'%'; GRANT INSERT ON shop.events TO 'app'@'%'");
    assert_eq!((shape.grants[0].to.as_str(), shape.grants[0].table.as_deref()), ("app", None));
    assert_eq!(shape.grants[1].table.as_deref(), Some("shop.events"));
}

#[test]
fn what_only_looks_like_a_table_is_none() {
    let script = "-- CREATE TABLE a (id int);
        /* CREATE TABLE b (id int); /* nested */ CREATE TABLE c (id int); */
        CREATE FUNCTION f() RETURNS void AS $$ CREATE TABLE d (id int); $$ LANGUAGE sql;
        INSERT INTO x VALUES ('CREATE TABLE e (id int);', $q$ CREATE TABLE f (id int); $q$);
        COPY x (a) FROM stdin;
CREATE TABLE g (id int);
\\.
        COMMENT ON TABLE x IS 'it''s'; CREATE TABLE real (id int);";
    let shape = whole(Postgres, script);
    assert_eq!(shape.tables.len(), 1);
    let script = "CREATE PROCEDURE p AS BEGIN CREATE TABLE a (id int); END\nGO\nCREATE TABLE real (id int)";
    assert_eq!(table(SqlServer, script).name, "real");
}

#[test]
fn scripts_of_sql_server_make_tables_under_conditions() {
    let script = "IF OBJECT_ID('dbo.a', 'U') IS NULL BEGIN\n CREATE TABLE dbo.a (id int)\nEND\n
        IF NOT EXISTS (SELECT * FROM sys.indexes WHERE name = 'i') CREATE UNIQUE INDEX i ON dbo.a (id)
        ELSE PRINT 'there'\nIF 1 = 1 EXEC(N'CREATE TRIGGER t ON dbo.a INSTEAD OF DELETE AS THROW 50000, ''no'', 1')
        EXEC dbo.sp_x @a = 1; BEGIN TRANSACTION load; COMMIT TRANSACTION load\nGO";
    let shape = whole(SqlServer, script);
    assert_eq!((shape.tables.len(), shape.triggers.len()), (1, 1));
    assert_eq!(keys(&shape.tables[0]), ["unique id"]);
    assert!(shape.triggers[0].body.contains("THROW 50000, ''no''"));
}

#[test]
fn a_block_of_postgres_is_read_as_if_its_conditions_held() {
    let script = "CREATE TABLE a (id int); DO $$ BEGIN IF NOT EXISTS (SELECT 1) THEN
        ALTER TABLE a ADD CONSTRAINT u UNIQUE (id); END IF; EXECUTE format('CREATE TABLE %I', 'x'); END $$;";
    let (shape, unread) = shape(Some(Postgres), script);
    assert_eq!(keys(&shape.tables[0]), ["unique id"]);
    assert_eq!(unread, ["EXECUTE of a text"]);
}

#[test]
fn what_is_not_understood_is_listed_where_it_stands() {
    let script =
        "CREATE TABLE a (id int, EXCLUDE USING gist (id WITH =));\nCREATE AGGREGATE x (int) (sfunc = f);
        \\i other.sql\nCREATE INDEX i ON nowhere (id); CREATE TABLE b AS SELECT 1; CREATE TABLE c (id int";
    let mut texts = Texts::default();
    let file = texts.add("store.sql", script);
    let shape = read(&texts, file, Some(Postgres));
    let unread: Vec<(&str, usize)> = shape
        .unread
        .iter()
        .map(|unread| {
            (unread.what.as_str(), unread.span.map_or(0, |span| texts.line_and_column(file, span.start).0))
        })
        .collect();
    assert_eq!(
        unread,
        [
            ("EXCLUDE constraint of a", 1),
            ("CREATE AGGREGATE", 2),
            ("\\i other.sql", 3),
            ("CREATE INDEX i on nowhere, which is not here", 4),
            ("CREATE TABLE b AS SELECT", 4),
            ("CREATE TABLE c", 4),
        ]
    );
}

/// As folders of `indexes/` and `tables/` are read by their names.
#[test]
fn a_key_may_stand_before_its_table() {
    let mut texts = Texts::default();
    let keys = texts
        .add("indexes/id.sql", "CREATE UNIQUE INDEX by_id ON events (id); ALTER TABLE gone ADD UNIQUE (a);");
    let tables = texts.add("tables/events.sql", "CREATE TABLE events (id uuid NOT NULL);");
    let shape = read_all(&texts, &[keys, tables], None);
    assert!(shape.tables[0].keys[0].is_unique());
    let unread: Vec<&str> = shape.unread.iter().map(|unread| unread.what.as_str()).collect();
    assert_eq!(unread, ["ALTER TABLE gone, which is not here"]);
}

#[test]
fn the_way_back_of_a_migration_is_not_what_is_there() {
    let script = "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;\n";
    assert_eq!(table(Postgres, script).name, "a");
    let script = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n-- migrate:up\nCREATE TABLE b (id int);";
    assert_eq!(whole(Postgres, script).tables.len(), 2);
}

#[test]
fn names_are_those_of_the_script_with_its_placeholders() {
    for (written, name) in [
        ("\"Shop\".\"Events\"", "Shop.Events"),
        ("[dbo] . [events]", "dbo.events"),
        ("{schema}.{prefix}_events", "{schema}.{prefix}_events"),
        ("${schema}.events", "${schema}.events"),
        ("__schema__.events", "__schema__.events"),
        ("$(Schema).events", "$(Schema).events"),
        (":schema.events", ":schema.events"),
        ("%s", "%s"),
        ("db..events", "db.events"),
    ] {
        let (shape, _) = shape(None, &format!("CREATE TABLE {written} (id int)"));
        assert_eq!(shape.tables.first().map(|table| table.name.as_str()), Some(name), "{written}");
    }
}

#[test]
fn places_are_those_of_names_and_keys() {
    let script = "create table events (id int primary key, v int, unique (id, v));";
    let mut texts = Texts::default();
    let file = texts.add("store.sql", script);
    let shape = read(&texts, file, None);
    let at = |span: Option<crate::text::Span>| span.map(|span| texts.at(span)).unwrap_or_default();
    let table = &shape.tables[0];
    assert_eq!((at(table.span), at(table.columns[1].span)), ("events", "v"));
    assert_eq!((at(table.keys[0].span), at(table.keys[1].span)), ("primary key", "unique (id, v)"));
}

#[test]
fn several_files_make_one_store() {
    let mut texts = Texts::default();
    let tables = texts.add("1.sql", "CREATE TABLE s.events (id bigserial, stream text, v int)");
    let keys_of = texts.add("2.sql", "CREATE UNIQUE INDEX guard ON s.events (stream, v)");
    let shape = read_all(&texts, &[tables, keys_of], None);
    assert_eq!(keys(&shape.tables[0]), ["unique stream v"]);
    assert!(shape.unread.is_empty());
    assert_eq!(shape.product, Some(Postgres));
}

/// A number that looks like chance, the same in every run.
fn scatter(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap_or_default()
}

#[test]
fn no_part_and_no_spoilt_text_makes_the_reader_panic() {
    let signs = [
        "'", "\"", "`", "[", "]", "(", ")", "/*", "*/", "--", "$$", "$x$", ";", "\nGO\n", "é", "{", "\\", ",",
    ];
    let mut seed = 7;
    for (product, script, ..) in OWN {
        for _ in 0..60 {
            let mut cut = scatter(&mut seed) % script.len();
            while !script.is_char_boundary(cut) {
                cut -= 1;
            }
            let sign = signs[scatter(&mut seed) % signs.len()];
            for product in [None, Some(product)] {
                shape(product, &script[..cut]);
                shape(product, &script[cut..]);
                shape(product, &format!("{}{sign}{}", &script[..cut], &script[cut..]));
            }
        }
    }
    let small = "CREATE TABLE a.\"b\" (id int DEFAULT 'é' PRIMARY KEY, UNIQUE (x)) COLLATE = x; ALTER TABLE a.b ADD \
        CONSTRAINT c CHECK (x > 1); CREATE TRIGGER t BEFORE UPDATE ON b EXECUTE FUNCTION f(); GRANT ALL ON b TO c; \
        CREATE RULE r AS ON DELETE TO b DO INSTEAD NOTHING; EXEC(N'CREATE TABLE x (y int)'); DO $$ BEGIN END $$;";
    for product in [None, Some(Postgres), Some(MySql), Some(Sqlite), Some(SqlServer)] {
        for (at, _) in small.char_indices() {
            shape(product, &small[..at]);
            shape(product, &small[at..]);
        }
    }
}

#[test]
fn long_texts_take_no_time_that_grows_faster_than_they_do() {
    let begun = std::time::Instant::now();
    for part in [
        "(",
        "'",
        "[a",
        "$a$",
        "/*",
        "\"",
        "CREATE TABLE ",
        "CREATE TABLE a (",
        "EXEC('",
        "BEGIN ",
        "-- +goose Down\n-- +goose Up\n",
        "CREATE TRIGGER t ON a AS BEGIN ",
        "COPY a FROM stdin;\n",
        "a, ",
        "CREATE INDEX i ON a (b) WHERE ",
        "GO\n",
        "IF ",
        "$",
        "{",
        "N'",
        "DO $$",
        "ALTER TABLE a ADD ",
        "`",
    ] {
        for product in [None, Some(Postgres), Some(MySql), Some(SqlServer)] {
            shape(product, &part.repeat(20_000));
        }
    }
    // Far more than it takes where nothing else runs, and far less than if anything were quadratic.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}
