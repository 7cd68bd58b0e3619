//! Several processes on one read model, held up and killed without a warning while events are appended: the tables come to hold
//! each event once and in order.

use std::process::{Child, Stdio};
use std::time::Duration;

use annals::postgres::tokio_postgres::{self, NoTls};
use annals::prelude::*;
use rusqlite::Connection;

use crate::{Place, signal};

/// Counts what came out of order, which a missed event or one taken in twice also is.
const ACCOUNTS: &str = r#"
name = "accounts"
tables = "CREATE TABLE {accounts} (id VARCHAR(100) PRIMARY KEY, version BIGINT NOT NULL, cents BIGINT NOT NULL, bad BIGINT NOT NULL)"
[on]
opened = "INSERT INTO {accounts} (id, version, cents, bad) VALUES (:stream_id, 1, 0, 0)"
deposited = """UPDATE {accounts} SET cents = cents + :payload.cents,
    bad = bad + CASE WHEN version + 1 = :stream_version THEN 0 ELSE 1 END, version = :stream_version
    WHERE id = :stream_id"""
"#;

const STREAMS: u64 = 50;

/// A row: the account, its version, its cents, and how many events came out of order.
type Row = (String, i64, i64, i64);

struct Killed<'a> {
    place: &'a Place,
    target: &'a str,
    processes: Vec<Child>,
    chance: u64,
}

impl Killed<'_> {
    fn start(&self) -> Child {
        let args =
            ["project", "accounts.toml", "--target", self.target, "--partitions", "4", "--lease", "300ms"];
        self.place.on("a.db", &args).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// A small number, the same in each run (Lehmer's generator).
    fn random(&mut self, below: u64) -> u64 {
        self.chance = self.chance * 48_271 % 0x7fff_ffff;
        self.chance % below
    }

    /// Appends, kills one of the processes and starts another in its place, as often as `cycles` says.
    async fn run(&mut self, store: &EventStore, cycles: u32) {
        for cycle in 0..cycles {
            for _ in 0..15 {
                let stream = format!("account-{}", self.random(STREAMS));
                let cents = self.random(1_000);
                let deposited = NewEvent::json("deposited", &serde_json::json!({ "cents": cents })).unwrap();
                store.append(&stream, Expected::StreamExists, [deposited]).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20 + self.random(100))).await;
            let victim = usize::try_from(self.random(self.processes.len() as u64)).unwrap();
            if cycle % 10 == 9 {
                // Held up for longer than its lease, it must not write what another has taken over.
                signal(&self.processes[victim], "-STOP");
                tokio::time::sleep(Duration::from_millis(450)).await;
                signal(&self.processes[victim], "-CONT");
                continue;
            }
            self.processes[victim].kill().unwrap();
            self.processes[victim].wait().unwrap();
            self.processes[victim] = self.start();
        }
        for mut process in self.processes.drain(..) {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

/// What the tables should hold, folded from the log.
async fn fold(store: &EventStore) -> Vec<Row> {
    let mut rows = std::collections::BTreeMap::<String, Row>::new();
    for event in store.read_all().collect().await.unwrap() {
        let payload: serde_json::Value =
            serde_json::from_str(event.payload.json().unwrap().as_str()).unwrap();
        let id = event.stream_id.to_string();
        let row = rows.entry(id.clone()).or_insert((id, 0, 0, 0));
        (row.1, row.2) = (row.1 + 1, row.2 + payload["cents"].as_i64().unwrap_or(0));
    }
    rows.into_values().collect()
}

/// Kills processes on a target and gives back what the tables are to hold.
fn kill(place: &Place, target: &str, processes: usize, cycles: u32) -> Vec<Row> {
    std::fs::write(place.path("accounts.toml"), ACCOUNTS).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = EventStore::connect(&format!("sqlite:{}", place.path("a.db").display())).await.unwrap();
        for n in 0..STREAMS {
            let opened = NewEvent::json("opened", &serde_json::json!({})).unwrap();
            store.append(&format!("account-{n}"), Expected::NoStream, [opened]).await.unwrap();
        }
        let mut killed = Killed { place, target, processes: Vec::new(), chance: 1_234_567 };
        killed.processes = (0..processes).map(|_| killed.start()).collect();
        killed.run(&store, cycles).await;
        let list = ["projection", "list", "accounts", "--target", target, "--json"];
        let parts = &place.objects(&list)[0]["generations"][0]["parts"];
        let taken: u64 = parts.as_array().unwrap().iter().map(|part| part["events"].as_u64().unwrap()).sum();
        assert!(taken > STREAMS * 2, "those that were killed took in {taken} events");
        let last = ["project", "accounts.toml", "--target", target, "--lease", "300ms", "--once"];
        place.stdout(&last);
        fold(&store).await
    })
}

fn rows(place: &Place, file: &str) -> Vec<Row> {
    let connection = Connection::open(place.path(file)).unwrap();
    let mut select = connection.prepare("SELECT id, version, cents, bad FROM accounts ORDER BY id").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn two_processes_of_which_one_is_killed_a_hundred_times() {
    let place = Place::new();
    let expected = kill(&place, "sqlite:views.db", 2, 100);
    assert_eq!(rows(&place, "views.db"), expected);
}

#[test]
fn four_processes_of_which_one_is_killed_fifty_times() {
    let place = Place::new();
    let expected = kill(&place, "sqlite:views.db", 4, 50);
    assert_eq!(rows(&place, "views.db"), expected);
}

#[test]
fn two_processes_on_postgres_of_which_one_is_killed_a_hundred_times() {
    let Ok(server) = std::env::var("ANNALS_POSTGRES") else {
        let required = std::env::var("ANNALS_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|it| it == "postgres"), "ANNALS_POSTGRES is not set");
        return;
    };
    let place = Place::new();
    let unique = annals::EventId::new().uuid().simple().to_string().split_off(20);
    let target = format!("{server}?schema=killed_{unique}");
    let expected = kill(&place, &target, 2, 100);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found: Vec<Row> = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
        tokio::spawn(connection);
        let rows =
            client.query("SELECT id, version, cents, bad FROM accounts ORDER BY id COLLATE \"C\"", &[]);
        let rows = rows.await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    });
    assert_eq!(found, expected);
    // Those that were killed are believed to run until their leases are over.
    std::thread::sleep(Duration::from_millis(400));
    place.stdout(&["projection", "remove", "accounts", "--target", &target]);
}
