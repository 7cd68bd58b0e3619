//! Short texts with a meaning each: checked once when parsed, then compared byte by byte, and never
//! mixed up because each meaning is a type.

use crate::error::{Error, Result};

/// The longest name every store holds, in bytes of UTF-8 (rule 14).
pub(crate) const NAME_BYTES_MAX: usize = 255;

pub(crate) fn check(what: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(format!("{what} is empty, expected 1 to {NAME_BYTES_MAX} bytes")));
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(Error::invalid(format!(
            "{what} has {} bytes, expected 1 to {NAME_BYTES_MAX}: {:?}…",
            text.len(),
            text.chars().take(40).collect::<String>()
        )));
    }
    // Most names are ASCII, which needs no look at each character.
    let plain = text.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte));
    if !plain && let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(Error::invalid(format!("{what} {text:?} contains the control character {control:?}")));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            #[doc = concat!("Checks and keeps ", $what, ": 1 to 255 bytes of UTF-8 without control characters.")]
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) names what is wrong with the text.
            pub fn new(text: impl AsRef<str>) -> $crate::Result<Self> {
                $crate::name::check($what, text.as_ref())?;
                Ok(Self(std::sync::Arc::from(text.as_ref())))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = $crate::Error;

            fn try_from(text: &str) -> $crate::Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::Error;

            fn try_from(text: String) -> $crate::Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<&String> for $type {
            type Error = $crate::Error;

            fn try_from(text: &String) -> $crate::Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<&$type> for $type {
            type Error = $crate::Error;

            fn try_from(name: &$type) -> $crate::Result<Self> {
                Ok(name.clone())
            }
        }

        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

pub(crate) use name;

#[cfg(test)]
mod tests {
    use crate::StreamId;

    #[test]
    fn a_name_keeps_its_bytes_and_refuses_what_no_store_holds() {
        for good in ["a", "order-1", "Ünïcödé ", "100%_", &"x".repeat(255)] {
            assert_eq!(StreamId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "nul\0", "\u{85}", &"x".repeat(256), &"é".repeat(128)] {
            assert!(StreamId::new(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
