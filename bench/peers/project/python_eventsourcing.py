"""Catching up with a log by the ProjectionRunner of Python's `eventsourcing`.

    pip install "eventsourcing[postgres]==9.5.6" "psycopg[binary]==3.3.9"
    python python_eventsourcing.py SERVER EVENTS

Loads so many deposits into a database of its own, those of bench/src/deposits.rs, and says how many seconds a projection
with one upsert an event took until all were in its table. An event is a transaction of its own, with the upsert and the
place in the log: four round trips and a sync an event, each event taken in once.
"""

import os
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from eventsourcing.application import Application
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

ACCOUNTS, BATCH = 10_000, 500
TABLE = "(account VARCHAR(255) PRIMARY KEY, deposits BIGINT NOT NULL, cents BIGINT NOT NULL)"
UPSERT = """INSERT INTO accounts AS a (account, deposits, cents) VALUES (%s, 1, %s) ON CONFLICT (account)
            DO UPDATE SET deposits = a.deposits + 1, cents = a.cents + excluded.cents"""


@dataclass(frozen=True)
class Deposited:
    originator_id: str
    originator_version: int
    cents: int


class Accounts(PostgresTrackingRecorder):
    def add(self, account, cents, tracking):
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(UPSERT, (account, cents), prepare=True)
        self.last = time.monotonic()


class AccountsProjection(Projection[Accounts]):
    def process_event(self, event, tracking):
        self.view.add(event.originator_id, event.cents, tracking)


def run(url, database, admin, events):
    os.environ |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "ORIGINATOR_ID_TYPE": "text"}
    os.environ |= {"POSTGRES_HOST": url.hostname, "POSTGRES_PORT": str(url.port), "POSTGRES_USER": url.username}
    os.environ |= {"POSTGRES_PASSWORD": url.password or "-", "POSTGRES_DBNAME": database}
    bank, numbers = Application(), range(events)
    deposits = [Deposited(f"account-{n * 7_919 % ACCOUNTS}", n // ACCOUNTS + 1, n % 100) for n in numbers]
    for first in range(0, events, BATCH):
        bank.recorder.insert_events([bank.mapper.to_stored_event(e) for e in deposits[first : first + BATCH]])
    bank.close()
    admin.execute(f"CREATE TABLE accounts {TABLE}")
    admin.execute("VACUUM ANALYZE")
    admin.execute("CHECKPOINT")
    begun = time.monotonic()
    with ProjectionRunner(
        application_class=Application, projection_class=AccountsProjection, view_class=Accounts
    ) as runner:
        runner.wait(events, timeout=3600)
    seconds = runner.view.last - begun
    sums = admin.execute("SELECT SUM(deposits), SUM(cents) FROM accounts").fetchone()
    if sums != (events, sum(event.cents for event in deposits)):
        raise ValueError(f"taken in: {sums}")
    print(f"eventsourcing: {seconds:.1f} s, {events / seconds:.0f}/s")


server, database = sys.argv[1], f"bench_eventsourcing_{os.getpid()}"
with psycopg.connect(server, autocommit=True) as server_admin:
    server_admin.execute(f"CREATE DATABASE {database}")
    try:
        with psycopg.connect(server, dbname=database, autocommit=True) as admin:
            run(urlsplit(server), database, admin, int(sys.argv[2]))
    finally:
        server_admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
