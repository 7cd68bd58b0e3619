//! Points in time, as every store keeps them: UTC, cut to microseconds.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// 0001-01-01T00:00:00Z.
const UNIX_MICROS_MIN: i64 = -62_135_596_800_000_000;

/// A point in time in UTC, with microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The time of this machine.
    pub fn now() -> Self {
        Self::cut(jiff::Timestamp::now())
    }

    /// The time this many microseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] outside the years 1 to 9999, which every database holds.
    pub fn from_unix_micros(micros: i64) -> Result<Self> {
        // In seconds and a rest, since jiff takes none of the last second's microseconds as such.
        let (second, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        jiff::Timestamp::new(second, i32::try_from(rest * 1000).unwrap_or_default())
            .map_err(|e| Error::with_source(ErrorKind::Invalid, format!("{micros} is not a time"), e))
            .and_then(Self::admit)
    }

    fn admit(time: jiff::Timestamp) -> Result<Self> {
        if time.as_microsecond() < UNIX_MICROS_MIN {
            return Err(Error::invalid(format!("{time} is before the year 1")));
        }
        Ok(Self::cut(time))
    }

    /// A date and a time of day in UTC.
    #[cfg(feature = "mysql")]
    pub(crate) fn from_utc(date: [i16; 3], time: [i8; 3], micros: u32) -> Result<Self> {
        let [year, month, day] = date;
        let small = |part: i16| i8::try_from(part).unwrap_or(0);
        let nanos = i32::try_from(micros).unwrap_or(i32::MAX).saturating_mul(1000);
        jiff::civil::DateTime::new(year, small(month), small(day), time[0], time[1], time[2], nanos)
            .and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil))
            .map_err(|e| {
                Error::with_source(ErrorKind::Invalid, format!("{date:?} {time:?} is not a time"), e)
            })
            .and_then(Self::admit)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> i64 {
        self.0.as_microsecond()
    }

    fn cut(time: jiff::Timestamp) -> Self {
        // Whole microseconds of a valid time are a valid time.
        Self(jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339, such as `2026-11-24T09:30:00.25Z`; finer digits than microseconds are cut off.
    fn from_str(text: &str) -> Result<Self> {
        let time = text.parse().map_err(|e| {
            Error::with_source(
                ErrorKind::Invalid,
                format!("{text:?} is not a time such as 2026-11-24T09:30:00Z"),
                e,
            )
        })?;
        Self::admit(time)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_a_payload_comes_back() {
        let time: Timestamp = "2026-11-24T09:30:00.25Z".parse().unwrap();
        let json = serde_json::to_string(&time).unwrap();
        assert_eq!(json, "\"2026-11-24T09:30:00.250000Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }

    #[test]
    fn a_time_is_cut_to_microseconds_and_printed_in_utc() {
        let time: Timestamp = "2026-11-24T10:30:00.1234567+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T09:30:00.123456Z");
        assert_eq!(Timestamp::from_unix_micros(time.unix_micros()).unwrap(), time);
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!(Timestamp::from_unix_micros(i64::MAX).is_err());
        let last: Timestamp = "9999-12-30T22:00:00.999999Z".parse().unwrap();
        assert_eq!(Timestamp::from_unix_micros(last.unix_micros()).unwrap(), last);
        assert!(Timestamp::from_unix_micros(UNIX_MICROS_MIN).is_ok());
        assert!(Timestamp::from_unix_micros(UNIX_MICROS_MIN - 1).is_err());
        assert!(Timestamp::from_str("-000001-11-24T09:30:00Z").is_err());
    }
}
