// Catching up with a log by the consumer of Emmett.
//
//     npm install @event-driven-io/emmett@0.42.0 @event-driven-io/emmett-postgresql@0.42.0
//     node emmett.mjs SERVER EVENTS
//
// Loads so many deposits into a database of its own, those of bench/src/deposits.rs, and says how many seconds a projector
// with one upsert an event took until all were in its table. A page of events is one transaction, in which each event is
// its upsert and its checkpoint: two round trips an event, each event taken in once.
//
// One writer loads. A page is ordered by transaction and the next one begins behind the last position, so that what
// several appended at once is passed over in part: of 20,000 events by eight writers 17,886 were taken in.
import { getPostgreSQLEventStore, postgreSQLEventStoreConsumer, postgreSQLRawSQLProjection }
  from '@event-driven-io/emmett-postgresql';
import { sql } from '@event-driven-io/dumbo';
import pg from 'pg';

const ACCOUNTS = 10_000;
const PAGE = 512; // 100 unless told otherwise, with a pause of 50 ms after each, which is left out here as well

const projection = postgreSQLRawSQLProjection({
  name: 'accounts',
  canHandle: ['deposited'],
  init: () => sql(
    'CREATE TABLE accounts (account VARCHAR(255) PRIMARY KEY, deposits BIGINT NOT NULL, cents BIGINT NOT NULL)'),
  evolve: ({ data, metadata }) => sql(
    'INSERT INTO accounts AS a (account, deposits, cents) VALUES (%L, 1, %L) ON CONFLICT (account) ' +
    'DO UPDATE SET deposits = a.deposits + 1, cents = a.cents + excluded.cents', metadata.streamName, data.cents),
});

async function load(url, events) {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  for (let number = 0; number < events; number++) {
    const event = { type: 'deposited', data: { cents: number % 100 } };
    await store.appendToStream(`account-${number * 7_919 % ACCOUNTS}`, [event]);
  }
  await store.close();
}

async function takeIn(url) {
  const pulling = { batchSize: PAGE, pullingFrequencyInMs: 0 };
  const consumer = postgreSQLEventStoreConsumer({ connectionString: url, pulling, stopWhen: { noMessagesLeft: true } });
  consumer.projector({ projection });
  const begun = performance.now();
  await consumer.start();
  const seconds = (performance.now() - begun) / 1000;
  await consumer.close();
  return seconds;
}

const [server, events] = [new URL(process.argv[2]), Number(process.argv[3])];
const admin = new pg.Client(server.href);
await admin.connect();
const database = `bench_emmett_${process.pid}`;
await admin.query(`CREATE DATABASE ${database}`);
server.pathname = database;
try {
  await load(server.href, events);
  const client = new pg.Client(server.href);
  await client.connect();
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  const seconds = await takeIn(server.href);
  const { rows: [sums] } = await client.query('SELECT SUM(deposits) AS deposits, SUM(cents) AS cents FROM accounts');
  await client.end();
  const cents = Array.from({ length: events }, (_, number) => number % 100).reduce((sum, cents) => sum + cents);
  if (Number(sums.deposits) !== events || Number(sums.cents) !== cents) throw new Error(`taken in: ${sums.deposits}`);
  console.log(`emmett: ${seconds.toFixed(1)} s, ${(events / seconds).toFixed(0)}/s`);
} finally {
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.end();
}
