//! Whether two URLs name the same database, whatever store in it and whoever asks.

use std::path::{Path, PathBuf};

use annals::StoreUrl;

/// Whether what is done in the one place happens in the other.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    match (Place::of(one), Place::of(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Database { kind: &'static str, host: String, name: String },
}

impl Place {
    /// The place of a store. One in memory is the process's own, and no other's.
    fn of(url: &str) -> Option<Self> {
        let parsed: StoreUrl = url.parse().ok()?;
        let (kind, port) = match parsed.scheme() {
            "sqlite" => ("sqlite", ""),
            "postgres" | "postgresql" => ("postgres", ":5432"),
            "mysql" | "mariadb" => ("mysql", ":3306"),
            "sqlserver" => ("sqlserver", ":1433"),
            _ => return None,
        };
        // A password may hold a question mark, and the URL as it is shown has none.
        let shown = parsed.to_string();
        let place = decoded(shown.split_once(':')?.1.split('?').next()?);
        let place = place.strip_prefix("//").unwrap_or(&place);
        if kind == "sqlite" {
            return Some(Self::File(canonical(Path::new(place))));
        }
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, name) = place.split_once('/').unwrap_or((place, ""));
        let host = host.to_lowercase();
        let host = host.strip_suffix(port).unwrap_or(&host);
        let host = match host {
            "" | "127.0.0.1" | "[::1]" => "localhost",
            host => host,
        };
        Some(Self::Database { kind, host: host.to_owned(), name: name.trim_end_matches('/').to_owned() })
    }
}

/// The file that a path leads to; for one that is not there yet, by the folder it would be in.
fn canonical(path: &Path) -> PathBuf {
    let in_folder = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// A text of a URL, in which a sign may stand as two digits.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_any_of_its_names() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let absolute = format!("sqlite:{}", here.join("a b.db").display());
        for (one, other, same) in [
            ("sqlite:a.db", "sqlite:./a.db?namespace=x&create=yes", true),
            ("sqlite:a%20b.db", absolute.as_str(), true),
            ("sqlite:a.db", "sqlite:b.db", false),
            ("memory:a", "memory:a", false),
            ("postgres://app:p%3Fw@Host/shop", "postgresql://eve@host:5432/sho%70?namespace=x", true),
            ("postgres://app@h/shop", "postgres://app@h/scratch", false),
            ("postgres://app@localhost/shop", "postgres://app@127.0.0.1/shop", true),
            ("mysql://app:x@h/shop", "mariadb://app:x@h:3306/shop", true),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
        }
    }
}
