//! Which parts a process is to hold, so that all processes together hold each, and none much more than its share.

use std::collections::BTreeSet;

use super::records::Place;
use super::status::Status;

/// What a process is to hold of the generations that its code fills: what it has, up to its share, and of what
/// nobody has, the rest. Two processes may want the same; who claims it first has it.
pub(super) fn assign(status: &Status, generations: &[u32], me: &str) -> BTreeSet<Place> {
    let places: Vec<Place> = status
        .generations
        .iter()
        .filter(|generation| generations.contains(&generation.number))
        .flat_map(|generation| generation.places())
        .filter(|place| status.part(*place).is_some_and(|part| !part.stopped))
        .collect();
    let share = places.len().div_ceil(status.runners.max(1) as usize);
    let is_held = |place: &Place| status.part(*place).is_some_and(|part| part.is_held(status.now));
    let is_mine = |place: &Place| {
        is_held(place) && status.part(*place).is_some_and(|part| part.owner.as_deref() == Some(me))
    };
    let mine = places.iter().filter(|place| is_mine(place));
    let free = places.iter().filter(|place| !is_held(place));
    mine.chain(free).take(share).copied().collect()
}

/// The part of a key: FNV-1a, so that it is the same for ever and everywhere.
pub(super) fn part_of(key: &str, parts: u32) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV-1a are weak in few parts.
    u32::try_from((hash ^ (hash >> 32)) % u64::from(parts.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Generation, Part, Stage};
    use crate::query::Position;
    use crate::subscribe::Checkpoint;
    use crate::time::Timestamp;

    /// A read model of one generation whose parts belong to these.
    fn owned_by(owners: &[&str], runners: u32) -> Status {
        let (now, later) = (Timestamp::now(), Timestamp::from_unix_micros(i64::MAX / 1_000).unwrap());
        let checkpoint: Checkpoint = "00000000000000000000000000000001.0".parse().unwrap();
        let part = |(number, owner): (usize, &&str)| Part {
            number: u32::try_from(number).unwrap(),
            checkpoint: checkpoint.clone(),
            position: Position::START,
            events: 0,
            events_per_second: 0,
            last_recorded_at: None,
            owner: (!owner.is_empty()).then(|| (*owner).to_owned()),
            lease_until: Some(if *owner == "dead" { now } else { later }),
            stopped: *owner == "stopped",
            error: None,
            failed_at: None,
            parked: 0,
        };
        let generation = Generation {
            number: 1,
            stage: Stage::Live,
            fingerprint: String::new(),
            tables: Vec::new(),
            begun_after: checkpoint.clone(),
            made_at: now,
            declared: None,
            parts: owners.iter().enumerate().map(part).collect(),
        };
        Status {
            name: String::new(),
            live: 1,
            paused: false,
            pace: None,
            rebuild: false,
            held_until: None,
            runners,
            now,
            generations: vec![generation],
        }
    }

    #[test]
    fn everybody_holds_its_share_and_what_the_dead_had() {
        let parts = |owners: &[&str], runners, generations: &[u32]| -> Vec<u32> {
            let status = owned_by(owners, runners);
            assign(&status, generations, "me").into_iter().map(|place| place.part).collect()
        };
        assert_eq!(parts(&["", "", "", ""], 1, &[1]), [0, 1, 2, 3]);
        assert_eq!(parts(&["", "", "", ""], 2, &[1]), [0, 1]);
        // What it has it keeps, and gives up what is more than its share.
        assert_eq!(parts(&["", "", "me", "me"], 2, &[1]), [2, 3]);
        assert_eq!(parts(&["me", "me", "me", "me"], 2, &[1]), [0, 1]);
        assert_eq!(parts(&["me", "other", "dead", "other"], 2, &[1]), [0, 2]);
        assert_eq!(parts(&["other", "other", "other"], 1, &[1]), [0; 0]);
        assert_eq!(parts(&["stopped", "me"], 1, &[1]), [1]);
        assert_eq!(parts(&["", ""], 1, &[2]), [0; 0], "another code fills it");
    }

    #[test]
    fn keys_are_spread_and_stay_where_they_are() {
        let mut count = [0; 4];
        for n in 0..4_000 {
            count[part_of(&format!("order-{n}"), 4) as usize] += 1;
        }
        assert!(count.iter().all(|count| (900..1_100).contains(count)), "{count:?}");
        assert_eq!(
            [part_of("order-1", 4), part_of("", 7), part_of("x", 1), part_of("é", 1000)],
            [2, 6, 0, 526]
        );
    }
}
