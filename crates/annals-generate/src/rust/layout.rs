//! Expressions laid out as rustfmt would, so that nobody's editor changes a generated file.

/// The widths that rustfmt has by default.
pub(super) const LINE: usize = 100;
pub(super) const FIELDS: usize = 18;
pub(super) const ITEMS: usize = 60;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// What stands in one line.
    Plain(String),
    /// `Path { field: value }`
    Fields(String, Vec<(String, Expr)>),
    /// `vec![a, b]` or `[a, b]`, by how it begins.
    List(&'static str, Vec<Expr>),
    /// `Some(value)`
    Call(String, Box<Expr>),
}

impl Expr {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    pub(super) fn call(function: impl Into<String>, of: Self) -> Self {
        Self::Call(function.into(), Box::new(of))
    }

    /// The expression behind `before` columns and before `after` ones, in lines that are indented so far.
    pub(super) fn at(&self, indent: usize, before: usize, after: usize) -> String {
        if let Some(flat) = self.flat()
            && indent + before + flat.chars().count() + after <= LINE
        {
            return flat;
        }
        self.broken(indent)
    }

    /// The expression in several lines.
    fn broken(&self, indent: usize) -> String {
        let inner = indent + 4;
        let (pad, end) = (" ".repeat(inner), " ".repeat(indent));
        match self {
            Self::Plain(text) => text.clone(),
            Self::Fields(path, fields) => {
                let mut out = format!("{path} {{\n");
                for (name, value) in fields {
                    let value = value.at(inner, name.chars().count() + 2, 1);
                    // `name: name` is written once.
                    let said = if value == *name { value } else { format!("{name}: {value}") };
                    out.push_str(&format!("{pad}{said},\n"));
                }
                out + &end + "}"
            }
            Self::List(open, items) => match items.as_slice() {
                [only] if only.is_open() => {
                    format!("{open}{}]", only.broken(indent))
                }
                _ => {
                    let items = items.iter().map(|item| format!("{pad}{},\n", item.at(inner, 0, 1)));
                    format!("{open}\n{}{end}]", items.collect::<String>())
                }
            },
            Self::Call(function, of) if of.is_open() => {
                format!("{function}({})", of.broken(indent))
            }
            Self::Call(function, of) => format!("{function}(\n{pad}{},\n{end})", of.at(inner, 0, 1)),
        }
    }

    /// Whether it has a border of its own, inside which its lines can stand.
    fn is_open(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Fields(_, fields) => !fields.is_empty(),
            Self::List(_, items) => !items.is_empty(),
            Self::Call(..) => true,
        }
    }

    /// The expression in one line, where it may stand in one.
    fn flat(&self) -> Option<String> {
        match self {
            Self::Plain(text) => Some(text.clone()),
            Self::Fields(path, fields) if fields.is_empty() => Some(format!("{path} {{}}")),
            Self::Fields(path, fields) => {
                let said = |(name, value): &(String, Self)| {
                    let value = value.flat()?;
                    Some(if value == *name { value } else { format!("{name}: {value}") })
                };
                let inside = fields.iter().map(said).collect::<Option<Vec<_>>>()?.join(", ");
                (inside.chars().count() <= FIELDS).then(|| format!("{path} {{ {inside} }}"))
            }
            Self::List(open, items) => {
                let inside = items.iter().map(Self::flat).collect::<Option<Vec<_>>>()?.join(", ");
                (inside.chars().count() <= ITEMS).then(|| format!("{open}{inside}]"))
            }
            Self::Call(function, of) => {
                let inside = of.flat()?;
                (inside.chars().count() <= ITEMS || !of.is_open()).then(|| format!("{function}({inside})"))
            }
        }
    }
}

/// Calls one after the other: in one line where that is short.
pub(super) fn chain(indent: usize, first: &str, calls: &[String]) -> String {
    let flat = calls.iter().fold(first.to_owned(), |said, call| format!("{said}.{call}"));
    if flat.chars().count() <= ITEMS {
        return flat;
    }
    let pad = " ".repeat(indent + 4);
    calls.iter().fold(first.to_owned(), |said, call| format!("{said}\n{pad}.{call}"))
}

/// A text as lines of a comment, each begun with `sign` behind `indent` blanks.
pub(super) fn comment(indent: usize, sign: &str, text: &str) -> String {
    let pad = " ".repeat(indent);
    let width = LINE.saturating_sub(indent + sign.len() + 1);
    let mut out = String::new();
    for line in plain(text).lines() {
        let mut said = String::new();
        for word in line.split_whitespace() {
            if !said.is_empty() && said.chars().count() + 1 + word.chars().count() > width {
                out.push_str(&format!("{pad}{sign} {said}\n"));
                said.clear();
            }
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(word);
        }
        out.push_str(format!("{pad}{sign} {said}").trim_end());
        out.push('\n');
    }
    out
}

/// A text without what a terminal or an editor would obey: rustc refuses signs of direction in comments.
fn plain(text: &str) -> String {
    let is_obeyed = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept = text.chars().filter(|c| !is_obeyed(*c));
    kept.map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stands_in_one_line() {
        let short = Expr::Fields("A".to_owned(), vec![("b".to_owned(), Expr::plain("1"))]);
        assert_eq!(Expr::List("vec![", vec![short]).at(4, 0, 1), "vec![A { b: 1 }]");
    }

    #[test]
    fn a_single_item_stands_inside_the_border_of_its_list() {
        let fields =
            vec![("name".to_owned(), Expr::plain("name")), ("street".to_owned(), Expr::plain("other"))];
        let list = Expr::List("vec![", vec![Expr::Fields("A".to_owned(), fields)]);
        assert_eq!(list.at(0, 0, 1), "vec![A {\n    name,\n    street: other,\n}]");
    }

    #[test]
    fn comments_are_broken_at_words_and_have_nothing_hidden_in_them() {
        let words = "word ".repeat(30);
        let said = comment(4, "//", &format!("{words}\nnext\u{202e}\u{7}"));
        assert!(
            said.lines().all(|line| line.chars().count() <= 100 && line.starts_with("    // ")),
            "{said}"
        );
        assert!(said.ends_with("    // next\n"));
    }
}
