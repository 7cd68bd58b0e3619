//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>), carried from a request into its events.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A `traceparent` header: `00-<32 hex trace id>-<16 hex parent id>-<2 hex flags>`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceParent(Box<str>);

/// A `tracestate` header: vendor entries, at most 512 printable ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceState(Box<str>);

/// The trace that a piece of work belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace and the span that is the parent.
    pub traceparent: TraceParent,
    /// Vendor state, where there is any.
    pub tracestate: Option<TraceState>,
}

impl TraceParent {
    /// The header's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TraceState {
    /// The header's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceParent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let parts: Vec<&str> = text.split('-').collect();
        let valid = match parts.as_slice() {
            [version, trace, parent, flags, rest @ ..] => {
                lower_hex(version, 2)
                    && *version != "ff"
                    && (rest.is_empty() || *version != "00")
                    && lower_hex(trace, 32)
                    && trace.bytes().any(|b| b != b'0')
                    && lower_hex(parent, 16)
                    && parent.bytes().any(|b| b != b'0')
                    && lower_hex(flags, 2)
            }
            _ => false,
        };
        if !valid || text.len() > 255 {
            return Err(Error::invalid(format!(
                "traceparent {text:?} is not of the form 00-<32 hex>-<16 hex>-<2 hex> that W3C Trace Context gives"
            )));
        }
        Ok(Self(text.into()))
    }
}

impl FromStr for TraceState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 512 || !text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
            return Err(Error::invalid(format!(
                "tracestate of {} bytes, expected 1 to 512 printable ASCII characters",
                text.len()
            )));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_what_the_specification_says() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(good.parse::<TraceParent>().unwrap().as_str(), good);
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert!(bad.parse::<TraceParent>().is_err(), "{bad:?} was accepted");
        }
    }
}
