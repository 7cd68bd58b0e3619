//! A point of a stream: a version, or a time.

use std::fmt;
use std::str::FromStr;

use annals::{Timestamp, Version};

/// Where in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// After this version; 0 is before the first.
    Version(Version),
    /// After all that was recorded by then.
    Time(Timestamp),
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
            let version = text.parse().map_err(|_| "no stream has as many versions".to_owned())?;
            return Ok(Self::Version(Version(version)));
        }
        text.parse()
            .map(Self::Time)
            .map_err(|_| "expected a version such as 3, or a time such as 2026-11-24T09:30:00Z".to_owned())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {}", version.0),
            Self::Time(time) => write!(f, "{time}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_version_or_a_time() {
        assert_eq!("3".parse(), Ok(Point::Version(Version(3))));
        assert_eq!("2026-11-24T09:30:00Z".parse(), Ok(Point::Time("2026-11-24T09:30:00Z".parse().unwrap())));
        for wrong in ["", "-1", "yesterday", "2026-11-24", "99999999999999999999999"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }
}
