//! The events: what happens to files and which commits there are. Names and payloads as they are stored;
//! nothing here knows git or the tree.
//!
//! Each path has a stream, `file-README.md`, with what every commit did to it; the stream `history` has the
//! commits. An event of a file is tagged `commit:<id>`: it is the difference of that commit to its *first
//! parent*, so the events of a commit's first-parent line, in order, make up its tree.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use annals::{CommandId, Error, NewEvent, RecordedEvent, Result, StreamId, Tag, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The stream of the commits.
pub(crate) const HISTORY: &str = "history";

/// The type of the event that completes a commit.
pub(crate) const COMMIT_RECORDED: &str = "commit-recorded";

/// The id of a git object: 20 bytes in a SHA-1 repository, 32 in a SHA-256 one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    len: u8,
    bytes: [u8; 32],
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(hex: &str) -> Result<Self, String> {
        let wrong = || format!("{hex:?} is not an object id");
        let len = u8::try_from(hex.len() / 2).map_err(|_| wrong())?;
        if hex.len() % 2 == 1 || !(len == 20 || len == 32) || !hex.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..hex.len()).step_by(2)) {
            *byte = hex_byte(&hex[at..at + 2]).ok_or_else(wrong)?;
        }
        Ok(Self { len, bytes })
    }
}

/// Two hexadecimal digits, and no sign, which the standard library would take.
fn hex_byte(digits: &str) -> Option<u8> {
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes[..usize::from(self.len)].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What git says an object in a tree is: `100644` a file, `100755` an executable one, `120000` a symbolic
/// link, `160000` a submodule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(u32);

impl FromStr for Mode {
    type Err = String;

    fn from_str(octal: &str) -> Result<Self, String> {
        u32::from_str_radix(octal, 8).map(Self).map_err(|_| format!("{octal:?} is not a file mode"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06o}", self.0)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A path in a repository: any bytes but NUL. As text every byte that is not UTF-8 is `\xNN` and a
/// backslash is `\\`, so that the bytes come back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FilePath(pub(crate) Vec<u8>);

impl FilePath {
    /// The stream of this path: the path where that is a stream id, else a digest of it. A path that looks
    /// like such a digest gets one too, so that no two paths share a stream.
    pub(crate) fn stream_id(&self) -> Result<StreamId> {
        const DIGEST: &str = "~sha256~";
        if let Some(text) = str::from_utf8(&self.0).ok().filter(|text| !text.starts_with(DIGEST))
            && let Ok(stream_id) = StreamId::new(format!("file-{text}"))
        {
            return Ok(stream_id);
        }
        let mut id = format!("file-{DIGEST}");
        for byte in Sha256::digest(&self.0) {
            let _ = write!(id, "{byte:02x}");
        }
        StreamId::new(id)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let mut parts = chunk.valid().split('\\');
            f.write_str(parts.next().unwrap_or_default())?;
            for part in parts {
                write!(f, r"\\{part}")?;
            }
            for byte in chunk.invalid() {
                write!(f, r"\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl FromStr for FilePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an escaped path");
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            bytes.extend_from_slice(plain.as_bytes());
            if let Some(after) = escaped.strip_prefix('\\') {
                bytes.push(b'\\');
                rest = after;
                continue;
            }
            let digits = escaped.strip_prefix('x').and_then(|digits| digits.get(..2)).ok_or_else(wrong)?;
            bytes.push(hex_byte(digits).ok_or_else(wrong)?);
            rest = &escaped[3..];
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self(bytes))
    }
}

impl Serialize for FilePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A path that is there after the event, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePresent {
    pub(crate) path: FilePath,
    /// The blob; for a submodule the commit it is at.
    pub(crate) object: ObjectId,
    pub(crate) mode: Mode,
    /// The path it had before, where it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<FilePath>,
}

/// A path that is not there after the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileGone {
    pub(crate) path: FilePath,
    /// The path it has now, where it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<FilePath>,
}

/// What a commit did to one path. A rename is two events, one in the stream of each path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileEvent {
    /// `file-added`
    Added(FilePresent),
    /// `file-renamed-here`: it was elsewhere before, and may have changed on the way.
    RenamedHere(FilePresent),
    /// `file-changed`: another content, perhaps another mode.
    Changed(FilePresent),
    /// `file-mode-changed`: the same content.
    ModeChanged(FilePresent),
    /// `file-kind-changed`: a file became a symbolic link, a link a submodule, …
    KindChanged(FilePresent),
    /// `file-renamed-away`
    RenamedAway(FileGone),
    /// `file-removed`
    Removed(FileGone),
}

impl FileEvent {
    pub(crate) fn path(&self) -> &FilePath {
        match self {
            Self::Added(present)
            | Self::RenamedHere(present)
            | Self::Changed(present)
            | Self::ModeChanged(present)
            | Self::KindChanged(present) => &present.path,
            Self::RenamedAway(gone) | Self::Removed(gone) => &gone.path,
        }
    }

    /// As an event of this commit.
    pub(crate) fn encode(&self, of: &CommitEvents) -> Result<NewEvent> {
        let event = match self {
            Self::Added(present) => NewEvent::json("file-added", present),
            Self::RenamedHere(present) => NewEvent::json("file-renamed-here", present),
            Self::Changed(present) => NewEvent::json("file-changed", present),
            Self::ModeChanged(present) => NewEvent::json("file-mode-changed", present),
            Self::KindChanged(present) => NewEvent::json("file-kind-changed", present),
            Self::RenamedAway(gone) => NewEvent::json("file-renamed-away", gone),
            Self::Removed(gone) => NewEvent::json("file-removed", gone),
        }?;
        Ok(event.tagged(of.tag.clone()))
    }

    pub(crate) fn decode(event: &RecordedEvent) -> Result<Self> {
        let payload = &event.payload;
        Ok(match event.event_type.as_str() {
            "file-added" => Self::Added(payload.decode()?),
            "file-renamed-here" => Self::RenamedHere(payload.decode()?),
            "file-changed" => Self::Changed(payload.decode()?),
            "file-mode-changed" => Self::ModeChanged(payload.decode()?),
            "file-kind-changed" => Self::KindChanged(payload.decode()?),
            "file-renamed-away" => Self::RenamedAway(payload.decode()?),
            "file-removed" => Self::Removed(payload.decode()?),
            other => {
                let position = event.position;
                return Err(Error::corrupt(format!("event {position} is a {other}, which no file has")));
            }
        })
    }
}

/// `commit-recorded`: the last event of a commit. Where it is missing, recording stopped half-way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CommitRecorded {
    pub(crate) commit: ObjectId,
    /// None for a root, several for a merge. The events of its files are differences to the first.
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Author,
    pub(crate) subject: String,
    /// How many events of files it has.
    pub(crate) changes: u64,
}

/// Who wrote a commit: personal data, kept as the repository has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Seconds since 1970, as git has it.
    pub(crate) time: i64,
}

/// What the events of one commit have in common.
#[derive(Debug, Clone)]
pub(crate) struct CommitEvents {
    command: CommandId,
    tag: Tag,
    occurred_at: Timestamp,
}

impl CommitEvents {
    /// Recording a commit is one command: its events have the same ids in every run, so a repeated one is
    /// recognised.
    pub(crate) fn of(commit: ObjectId, committed_at: i64) -> Result<Self> {
        let epoch = || Timestamp::from_unix_micros(0);
        Ok(Self {
            command: format!("git-commit:{commit}").parse()?,
            tag: commit_tag(commit)?,
            // Git takes years that no calendar has.
            occurred_at: Timestamp::from_unix_micros(committed_at.saturating_mul(1_000_000))
                .or_else(|_| epoch())?,
        })
    }

    /// Gives an event its place among the events of the commit, from 0.
    pub(crate) fn place(&self, mut event: NewEvent, index: usize) -> NewEvent {
        event.event_id = self.command.event_id(index);
        event.occurred_at = self.occurred_at;
        event
    }
}

/// The tag of a commit's events.
pub(crate) fn commit_tag(commit: ObjectId) -> Result<Tag> {
    Tag::new(format!("{COMMIT_TAG}{commit}"))
}

/// The commit that an event of a file belongs to.
pub(crate) fn commit_of(event: &RecordedEvent) -> Result<ObjectId> {
    event
        .tags
        .iter()
        .find_map(|tag| tag.as_str().strip_prefix(COMMIT_TAG)?.parse().ok())
        .ok_or_else(|| Error::corrupt(format!("event {} is not tagged with a commit", event.position)))
}

const COMMIT_TAG: &str = "commit:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_bytes_survives_as_text() {
        for bytes in [
            &b"plain"[..],
            br"back\slash",
            br"\x41",
            b"\xff\xfe",
            b"caf\xe9/\\\xf0\x9f",
            "🦀\n\"".as_bytes(),
            b"",
        ] {
            let path = FilePath(bytes.to_vec());
            assert_eq!(path.to_string().parse::<FilePath>().unwrap(), path);
        }
        for bad in [r"\", r"\x", r"\x4", r"\xzz", r"\x+1", r"\n", r"\xé"] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn no_two_paths_share_a_stream() {
        let long = vec![b'x'; 251];
        let digest = FilePath(long.clone()).stream_id().unwrap();
        let impostor = digest.as_str().strip_prefix("file-").unwrap().as_bytes().to_vec();
        let mut ids = Vec::new();
        for bytes in [vec![b'x'; 250], long, impostor, b"a\nb".to_vec(), b"\xff".to_vec(), br"\xff".to_vec()]
        {
            ids.push(FilePath(bytes).stream_id().unwrap());
        }
        assert_eq!(ids[0].as_str().len(), 255);
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn an_object_id_is_forty_or_sixty_four_digits() {
        for good in ["a".repeat(40), "0123456789abcdef".repeat(4)] {
            assert_eq!(good.parse::<ObjectId>().unwrap().to_string(), good);
        }
        for bad in ["", "a", &"g".repeat(40), &"a".repeat(41), &"+a".repeat(20), &"é".repeat(20)] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad:?} was accepted");
        }
    }
}
