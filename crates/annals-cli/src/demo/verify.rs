//! One concrete stream, verified step by step: order, conflict, retry, two projectors, replay, rebuild, history.

use std::path::Path;

use annals::project::Projector;
use annals::{CommandId, ErrorKind, EventId, EventStore, Expected, RecordedEvent, Version, fold, stream};

use crate::failure::Failure;
use crate::output::Lines;

use super::money;
use super::order::{Command, Order, OrderEvent};
use super::summary::{OrderSummary, Row, rows};

/// Verifies an order that is paid and not yet shipped. The first step that fails ends the demo.
pub(crate) async fn verify(
    store: &EventStore,
    projector: &Projector,
    views: &Path,
    summary: &[Row],
    out: &mut Lines,
) -> Result<(), Failure> {
    let longest = summary.iter().filter(|row| row.status == "paid").max_by_key(|row| row.lines);
    let Some(row) = longest else {
        return Err(Failure::check("no order is paid and not yet shipped: take more orders or another seed"));
    };
    let order = row.order;
    let stream_id = format!("order-{order}");
    out.say(&format!("One stream, verified: {stream_id}"))?;

    let events = store.read_stream(&stream_id)?.collect().await?;
    in_order(&events)?;
    done(out, "its events in order", "versions without a gap, positions rising")?;
    for event in &events {
        let payload = event.payload.json().map(ToString::to_string).unwrap_or_default();
        out.say(&format!("      {}  {:<14}  {payload}", event.stream_version, event.event_type))?;
    }
    let version = Version(events.len() as u64);

    let late = OrderEvent::OrderCancelled { order, reason: "too late".into() };
    let stale = Expected::Version(Version(version.0 - 1));
    let conflict = match store.append(&stream_id, stale, [annals::Event::to_new_event(&late)?]).await {
        Err(conflict) if conflict.kind() == ErrorKind::Conflict => conflict,
        other => return Err(Failure::check(format!("a stale write was not refused: {other:?}"))),
    };
    done(out, "a stale write refused", &conflict.to_string())?;

    let request = CommandId::from(EventId::new().uuid());
    let ship = || {
        let command = Command::Ship { order, carrier: "post".into() };
        store.execute::<Order>(&stream_id, command).command_id(request)
    };
    let (first, second) = (ship().await.map_err(refused)?, ship().await.map_err(refused)?);
    let repeated =
        second.repeated && first.events == second.events && first.checkpoint() == second.checkpoint();
    let now = store.stream_version(&stream_id).await?;
    check(!first.repeated && repeated && now == version.next(), "a retried command was carried out twice")?;
    done(out, "a retried command answered", &format!("the same result, and the stream is still at {now}"))?;

    let other = Projector::new(store.clone()).with(annals::sqlite::target(views, OrderSummary::new()?));
    let (first, second) = tokio::join!(projector.catch_up(), other.catch_up());
    let (taken, before) = (first? + second?, read(views)?);
    let events = store.read_stream(&stream_id)?.collect().await?;
    check(taken == 1, "two projectors at once have not taken in an event once")?;
    done(out, "two projectors at once", "one event, taken in by one of them, once")?;

    let replayed: Order = fold(&events)?;
    let loaded = store.load(&stream::<Order>(&stream_id)).await?.state;
    let row = before.iter().find(|row| row.order == order);
    let same = replayed == loaded && row.is_some_and(|row| agrees(row, &replayed));
    check(same, "the replayed state is not what the read model shows")?;
    done(out, "state replayed", &describe(&replayed))?;

    let taken = projector.rebuild("order-summary").await?;
    check(read(views)? == before, "the rebuilt read model has other rows")?;
    done(
        out,
        "read model built anew",
        &format!("{taken} events, the same {} rows to the last cent", before.len()),
    )?;

    let then = Version(2);
    let earlier = store.read_stream(&stream_id)?.to(then).collect().await?;
    let as_of: Order = fold(&earlier)?;
    check(earlier.len() == 2 && as_of != replayed, "the state as of version 2 is today's")?;
    done(out, &format!("state as of version {then}"), &describe(&as_of))
}

fn in_order(events: &[RecordedEvent]) -> Result<(), Failure> {
    let versions = events.iter().map(|event| event.stream_version.0).eq(1..=events.len() as u64);
    let positions = events.windows(2).all(|pair| pair[0].position < pair[1].position);
    check(versions && positions && events.len() > 2, "the stream's events are not in order")
}

fn check(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::check(otherwise)) }
}

fn done(out: &mut Lines, what: &str, how: &str) -> Result<(), Failure> {
    out.say(&format!("  ok  {what:<30}  {how}"))
}

fn refused(error: annals::DecideError<super::order::Refusal>) -> Failure {
    Failure::check(format!("shipping a paid order failed: {error}"))
}

fn read(views: &Path) -> Result<Vec<Row>, Failure> {
    rows(views).map_err(|e| Failure::refused("could not read the read model", e))
}

fn agrees(row: &Row, order: &Order) -> bool {
    row.status == order.status.name()
        && row.lines == order.lines
        && u64::try_from(row.total_cents) == Ok(order.total_cents)
}

fn describe(order: &Order) -> String {
    let total = money(i64::try_from(order.total_cents).unwrap_or(i64::MAX));
    let lines = if order.lines == 1 { "1 line".to_owned() } else { format!("{} lines", order.lines) };
    format!("{}, {lines}, {total}", order.status.name())
}
