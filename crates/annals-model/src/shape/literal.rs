//! Objects and lists as JSON, JavaScript and Bicep write them: with comments, with any quotes or none, with commas or
//! without. No text is refused in a way that harms: what is no literal is none.

/// A value, and the bytes that it is.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a literal says.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Object(Vec<(Node, Node)>),
    List(Vec<Node>),
    Text(String),
    /// A number, `true`, `null`, a name, a call: as it stands.
    Word(String),
}

/// How deep one may stand in another.
const MOST_DEPTH: usize = 64;

impl Node {
    /// The value of a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().find(|(own, _)| own.text() == Some(key)).map(|(_, value)| value)
    }

    /// The keys and values of an object; none of what is no object.
    pub(super) fn members(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The values in a list; none of what is no list.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// A text or a word.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Word(text) => Some(text),
            _ => None,
        }
    }

    /// `{name}` is short for `{name: name}`.
    fn named_itself(&self) -> Self {
        Self { value: Value::Word(self.text().unwrap_or_default().to_owned()), ..*self }
    }

    pub(super) fn is_word(&self) -> bool {
        matches!(self.value, Value::Word(_))
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(&self.value, Value::Word(word) if word == "true")
    }

    /// The texts in a list, or the one that stands in the place of a list.
    pub(super) fn texts(&self) -> Vec<String> {
        match self.text() {
            Some(text) => vec![text.to_owned()],
            None => self.items().iter().filter_map(Node::text).map(str::to_owned).collect(),
        }
    }
}

/// The literal that begins at a byte, after blanks and comments.
pub(super) fn read(text: &str, at: usize) -> Option<Node> {
    Reader { text, at }.value(0)
}

/// Where the next thing stands that is neither blank nor comment.
pub(super) fn skip_blanks(text: &str, at: usize) -> usize {
    let mut reader = Reader { text, at };
    reader.skip_blanks();
    reader.at
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        let is_here = self.next() == Some(wanted);
        if is_here {
            self.at += wanted.len_utf8();
        }
        is_here
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks =
                rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
            self.at += blanks;
            let rest = self.rest();
            let comment = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                0
            };
            if comment == 0 {
                return;
            }
            self.at += comment;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_blanks();
        if depth > MOST_DEPTH {
            return None;
        }
        let start = self.at;
        let value = match self.next()? {
            '{' => self.object(depth)?,
            '[' => self.list(depth)?,
            quote @ ('"' | '\'' | '`') => Value::Text(self.quoted(quote)?),
            _ => Value::Word(self.word(depth)?),
        };
        Some(Node { value, start, end: self.at })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            if self.eat('}') {
                return Some(Value::Object(members));
            }
            if self.eat(',') {
                continue;
            }
            let key = self.key()?;
            let value = if self.eat(':') { self.value(depth + 1)? } else { key.named_itself() };
            members.push((key, value));
        }
    }

    fn key(&mut self) -> Option<Node> {
        self.skip_blanks();
        let start = self.at;
        let name = match self.next()? {
            quote @ ('"' | '\'' | '`') => self.quoted(quote)?,
            _ => {
                let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-');
                let rest = self.rest();
                let length = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                let name = rest.get(..length).filter(|name| !name.is_empty())?.to_owned();
                self.at += length;
                name
            }
        };
        Some(Node { value: Value::Text(name), start, end: self.at })
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            if self.eat(']') {
                return Some(Value::List(items));
            }
            if !self.eat(',') {
                items.push(self.value(depth + 1)?);
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at += at + c.len_utf8();
                return Some(text);
            }
            match c {
                '\\' => {
                    text.extend(chars.next().map(|(_, escaped)| if escaped == 'n' { '\n' } else { escaped }))
                }
                '\n' if quote != '`' => return None,
                c => text.push(c),
            }
        }
        None
    }

    /// A number, a name, or an expression, which goes on to where a value must end.
    fn word(&mut self, depth: usize) -> Option<String> {
        let start = self.at;
        while let Some(c) = self.next() {
            match c {
                ',' | '}' | ']' | ')' | '\n' | '\r' | ';' => break,
                '(' => {
                    self.at += 1;
                    while !self.eat(')') {
                        if !self.eat(',') {
                            self.value(depth + 1)?;
                        }
                    }
                }
                '"' | '\'' | '`' => {
                    self.quoted(c)?;
                }
                '{' | '[' => {
                    self.value(depth + 1)?;
                }
                c => self.at += c.len_utf8(),
            }
        }
        let word = self.text.get(start..self.at)?.trim();
        (!word.is_empty()).then(|| word.to_owned())
    }
}
