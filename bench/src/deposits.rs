//! Deposits into accounts: the log that read models take in, the table they keep, and what it has to hold in the end.
//! `peers`, which is not built with this program, has this file as well.

use crate::load::Outcome;

/// How many accounts there are.
pub(crate) const ACCOUNTS: u64 = 10_000;

/// Events in an append that loads, each to another account.
pub(crate) const BATCH: u64 = 500;

/// What stands in a row of the table.
pub(crate) const TABLE: &str =
    "(account VARCHAR(255) PRIMARY KEY, deposits BIGINT NOT NULL, cents BIGINT NOT NULL)";

/// The account and the cents of each deposit, as they are in every log.
pub(crate) fn deposits(events: std::ops::Range<u64>) -> impl Iterator<Item = (String, i64)> {
    events.map(|number| (format!("account-{}", number * 7_919 % ACCOUNTS), (number % 100).cast_signed()))
}

/// Adds a deposit to its row.
pub(crate) fn upsert(table: &str, parameters: [&str; 2]) -> String {
    let [account, cents] = parameters;
    format!(
        "INSERT INTO {table} AS a (account, deposits, cents) VALUES ({account}, 1, {cents}) \
         ON CONFLICT (account) DO UPDATE SET deposits = a.deposits + 1, cents = a.cents + excluded.cents"
    )
}

/// Selects what [`verify`] looks at.
pub(crate) fn sums(table: &str) -> String {
    format!("SELECT COUNT(*), CAST(SUM(deposits) AS BIGINT), CAST(SUM(cents) AS BIGINT) FROM {table}")
}

/// Whether the rows, the deposits and the cents of a table are those of so many events.
pub(crate) fn verify(found: [i64; 3], events: u64) -> Outcome<()> {
    let cents = deposits(0..events).map(|(_, cents)| cents).sum();
    let expected = [events.min(ACCOUNTS).cast_signed(), events.cast_signed(), cents];
    if found == expected {
        return Ok(());
    }
    Err(format!("the table holds {found:?} rows, deposits and cents instead of {expected:?}").into())
}
