//! How long streams are, and whether versions are missing in them. Of a large log those streams are asked that an
//! index leads to: some in the order of their ids, from each category.

use annals_model::sample::{StreamTold, VersionsTold};

use super::super::asking::{Ask, Cell, Refused, Row};
use super::columns::Place;
use super::event::{text, with_category};
use super::{Reading, SCALE};

/// How many events are read at once in the order of streams.
const CHUNK: u64 = 2_000 * SCALE;

/// How many times.
const CHUNKS_MAX: usize = 20;

/// Takes in how long streams are.
pub(super) async fn read<A: Ask>(reading: &mut Reading<'_, '_, A>, is_small: bool) {
    let Some(place) = reading.columns.place.take() else { return };
    let read = match (is_small, &place.index) {
        (true, _) => small(reading, &place).await,
        (false, Some(index)) => large(reading, &place, index).await,
        (false, None) => {
            reading.note("has no index that leads to a stream, so how long streams are was not read");
            Ok(())
        }
    };
    if let Err(refused) = read {
        reading.note(&format!("did not tell how long its streams are: {refused}"));
    }
}

async fn small<A: Ask>(reading: &mut Reading<'_, '_, A>, place: &Place) -> Result<(), Refused> {
    let question = grouped(place, &place.table);
    for row in reading.ask.ask(&question).await? {
        tell(reading, &row);
    }
    Ok(())
}

/// A chunk of events in the order of streams, then one beyond the category where that ended.
async fn large<A: Ask>(
    reading: &mut Reading<'_, '_, A>,
    place: &Place,
    index: &[String],
) -> Result<(), Refused> {
    let dialect = reading.ask.dialect();
    let mut from = String::new();
    let (mut streams, mut last) = (0, None);
    for _ in 0..CHUNKS_MAX {
        if reading.is_late() {
            break;
        }
        let order = index.iter().chain(&place.version).cloned().collect::<Vec<_>>().join(", ");
        let wanted = place.columns().into_iter().chain(place.version.as_deref());
        let wanted = wanted.collect::<Vec<_>>().join(", ");
        let some = dialect.select(&wanted, &format!("FROM {}{from} ORDER BY {order}", place.table), CHUNK);
        let mut rows = reading.ask.ask(&grouped(place, &format!("({some}) x"))).await?;
        let events: u64 = rows.iter().filter_map(|row| row.number("n")).sum();
        rows.sort_by(|a, b| a.cell("s").cmp(b.cell("s")));
        // The chunk may have ended within a stream, and which one that is only the database's order says.
        let end = match events >= CHUNK {
            true => end(reading, place, &from, &order).await?,
            false => None,
        };
        for row in &rows {
            if end.as_ref().is_none_or(|end| end.cell("s") != row.cell("s")) {
                streams += 1;
                tell(reading, row);
            }
        }
        let Some(end) = end else { break };
        whole(reading, place, &end).await?;
        streams += 1;
        // Beyond a stream only where the streams of all scopes are in one order.
        let beyond = beyond_category(&end).filter(|_| index.len() == 1);
        let Some(beyond) = beyond.filter(|beyond| last.as_ref() != Some(beyond)) else { break };
        from = format!(" WHERE {} > {}", place.stream, dialect.literal(&Cell::Text(beyond.clone())));
        last = Some(beyond);
    }
    reading.note(&format!("told how long {streams} of its streams are, some of each category"));
    Ok(())
}

/// The stream that a chunk ends in.
async fn end<A: Ask>(
    reading: &mut Reading<'_, '_, A>,
    place: &Place,
    from: &str,
    order: &str,
) -> Result<Option<Row>, Refused> {
    let dialect = reading.ask.dialect();
    let named: Vec<String> =
        place.columns().iter().enumerate().map(|(at, name)| format!("{name} AS c{at}")).collect();
    let what =
        format!("{}, {} AS s, {} AS k", named.join(", "), place.stream, place.category().unwrap_or("NULL"));
    let rest = format!("FROM {}{from} ORDER BY {order}", place.table);
    let question = match dialect.has_top {
        true => format!("SELECT {what} {rest} OFFSET {} ROWS FETCH NEXT 1 ROWS ONLY", CHUNK - 1),
        false => format!("SELECT {what} {rest} LIMIT 1 OFFSET {}", CHUNK - 1),
    };
    Ok(reading.ask.ask(&question).await?.into_iter().next())
}

/// Tells of a stream by its first and last version, which the index leads to; it may be long.
async fn whole<A: Ask>(reading: &mut Reading<'_, '_, A>, place: &Place, end: &Row) -> Result<(), Refused> {
    let Some(version) = &place.version else { return Ok(()) };
    let dialect = reading.ask.dialect();
    let is_it: Vec<String> = (place.columns().iter().enumerate())
        .map(|(at, name)| match end.cell(&format!("c{at}")) {
            Cell::Null => format!("{name} IS NULL"),
            value => format!("{name} = {}", dialect.literal(value)),
        })
        .collect();
    let question = format!(
        "SELECT min({version}) AS a, max({version}) AS z FROM {} WHERE {}",
        place.table,
        is_it.join(" AND ")
    );
    let rows = reading.ask.ask(&question).await?;
    let ends = rows.first().and_then(|row| row.number("a").zip(row.number("z")));
    let Some(stream) = text(end.cell("s")) else { return Ok(()) };
    if let Some((first, last)) = ends {
        let stream_id = with_category(end.maybe("k"), &stream);
        let events = last.saturating_sub(first) + 1;
        reading.sample.tell(&StreamTold { stream_id: &stream_id, events, versions: None });
    }
    Ok(())
}

/// Streams with their events counted, of a table or of a part of it.
fn grouped(place: &Place, from: &str) -> String {
    let columns = place.columns().join(", ");
    let versions = place
        .version
        .as_ref()
        .map(|version| format!(", min({version}) AS a, max({version}) AS z, count(DISTINCT {version}) AS u"));
    format!(
        "SELECT {} AS s, {} AS k, count(*) AS n{} FROM {from} GROUP BY {columns}",
        place.stream,
        place.category().unwrap_or("NULL"),
        versions.unwrap_or_default()
    )
}

fn tell<A: Ask>(reading: &mut Reading<'_, '_, A>, row: &Row) {
    let (Some(stream), Some(events)) = (text(row.cell("s")), row.number("n")) else { return };
    let ends = row.number("a").zip(row.number("z"));
    let versions =
        ends.zip(row.number("u")).map(|((first, last), distinct)| VersionsTold { first, last, distinct });
    let stream_id = with_category(row.maybe("k"), &stream);
    reading.sample.tell(&StreamTold { stream_id: &stream_id, events, versions });
}

/// What sorts behind every stream of a category.
fn beyond_category(end: &Row) -> Option<String> {
    let stream = end.maybe("s")?;
    let category = stream.split(['-', '/']).next().filter(|category| category.len() < stream.len())?;
    let parting = stream.get(category.len()..)?.chars().next()?;
    Some(format!("{category}{parting}\u{10FFFF}"))
}
