//! The texts that were read, and places in them.

use std::ops::Range;

/// The texts that findings point into.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    files: Vec<TextFile>,
}

#[derive(Debug, Clone)]
struct TextFile {
    name: String,
    text: String,
}

/// One of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// Bytes `start..end` of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// In which text.
    pub file: FileId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl Texts {
    /// Takes in a text under the name that findings give it, usually a path.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(TextFile { name: name.into(), text: text.into() });
        FileId(self.files.len() - 1)
    }

    /// What a text is called.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |file| &file.name)
    }

    /// The whole text.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |file| &file.text)
    }

    /// The text of a place; empty for one that is not in it.
    pub fn at(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or_default()
    }

    /// The part of a place that is there: inside its text, and of whole characters.
    pub fn within(&self, span: Span) -> Range<usize> {
        let text = self.text(span.file);
        let whole = |byte: usize| {
            let mut byte = byte.min(text.len());
            while !text.is_char_boundary(byte) {
                byte -= 1;
            }
            byte
        };
        let start = whole(span.start);
        start..whole(span.end).max(start)
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_and_column(&self, file: FileId, byte: usize) -> (usize, usize) {
        let before = self.text(file).get(..byte).unwrap_or_default();
        let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_begins..].chars().count() + 1)
    }

    /// Every text, in the order in which they came.
    pub fn files(&self) -> impl Iterator<Item = FileId> {
        (0..self.files.len()).map(FileId)
    }
}

/// Something that stands in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// What stands there.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> At<T> {
    /// Something that is not yet in a text.
    pub fn nowhere(value: T) -> Self {
        Self { value, span: Span::NOWHERE }
    }
}

impl Span {
    /// The place of what is not yet in a text.
    pub const NOWHERE: Self = Self { file: FileId(0), start: 0, end: 0 };
}
