//! Which product a script is for, from what only one of them has.

use crate::shape::Product;

use super::lex::{Token, TokenKind};

/// The product that more signs speak for than for any other.
pub(super) fn guess(text: &str, tokens: &[Token]) -> Option<Product> {
    let mut signs: [Vec<&str>; 4] = Default::default();
    let mut has_serial = false;
    let mut word_before = "";
    for (at, token) in tokens.iter().enumerate() {
        let it = text.get(token.start..token.end).unwrap_or_default();
        let next = tokens.get(at + 1).and_then(|next| text.get(next.start..next.end)).unwrap_or_default();
        let sign = match token.kind {
            TokenKind::Word => of_word(it, word_before, next),
            TokenKind::Quoted => of_quotes(it),
            TokenKind::Text if it.starts_with('$') => Some((Product::Postgres, "dollar quotes")),
            TokenKind::Text if it.starts_with(['N', 'n']) => Some((Product::SqlServer, "N''")),
            TokenKind::Symbol(':') if next == ":" => Some((Product::Postgres, "::")),
            TokenKind::Symbol('[') if next == "]" => Some((Product::Postgres, "[]")),
            TokenKind::Command if it.starts_with('\\') => Some((Product::Postgres, "\\")),
            TokenKind::Batch => of_batch(it),
            _ => None,
        };
        has_serial |= it.eq_ignore_ascii_case("serial");
        if let Some((product, sign)) = sign {
            let of_product = &mut signs[place(product)];
            if !of_product.contains(&sign) {
                of_product.push(sign);
            }
        }
        word_before = if matches!(token.kind, TokenKind::Word | TokenKind::Quoted) { it } else { "" };
    }
    let mut weights = signs.each_ref().map(|signs| signs.iter().map(|sign| weight(sign)).sum::<usize>());
    let has_other_types =
        NOT_POSTGRES.iter().any(|(_, other)| signs.iter().flatten().any(|sign| sign == other));
    if has_other_types && !signs[place(Product::Postgres)].contains(&"dollar quotes") {
        weights[place(Product::Postgres)] = 0;
        weights[place(Product::MySql)] += if has_serial { 2 } else { 0 };
    }
    let most = weights.iter().copied().max().filter(|most| *most > 0)?;
    let mut best = PRODUCTS.iter().zip(weights).filter(|(_, weight)| *weight == most);
    let product = best.next().map(|(product, _)| *product);
    product.filter(|_| best.next().is_none())
}

fn place(product: Product) -> usize {
    PRODUCTS.iter().position(|one| *one == product).unwrap_or_default()
}

/// What another product takes too, though few write it there, weighs less; what only speaks against one, nothing.
fn weight(sign: &str) -> usize {
    match sign {
        "backticks" | "brackets" | "AS IDENTITY" => 1,
        _ if NOT_POSTGRES.iter().any(|(_, against)| *against == sign) => 0,
        _ => 2,
    }
}

/// Types that PostgreSQL has not. MySQL has SERIAL as well.
const NOT_POSTGRES: [(&str, &str); 3] =
    [("blob", "not a type: blob"), ("tinyint", "not a type: tinyint"), ("datetime", "not a type: datetime")];

const PRODUCTS: [Product; 4] = [Product::Postgres, Product::MySql, Product::Sqlite, Product::SqlServer];

/// Words that only one product has.
const WORDS: [(Product, &[&str]); 4] = [
    (
        Product::Postgres,
        &[
            "serial",
            "bigserial",
            "smallserial",
            "jsonb",
            "bytea",
            "timestamptz",
            "plpgsql",
            "nextval",
            "xid8",
            "regclass",
            "tsvector",
            "concurrently",
            "extension",
            "unlogged",
            "hstore",
            "txid_current",
            "pg_current_xact_id",
            "pg_notify",
            "gen_random_uuid",
            "inet",
        ],
    ),
    (
        Product::MySql,
        &[
            "auto_increment",
            "unsigned",
            "longtext",
            "mediumtext",
            "longblob",
            "mediumblob",
            "utf8mb4",
            "innodb",
            "signal",
            "definer",
            "tinytext",
            "row_format",
        ],
    ),
    (
        Product::Sqlite,
        &["autoincrement", "pragma", "rowid", "strict", "raise", "randomblob", "julianday", "strftime"],
    ),
    (
        Product::SqlServer,
        &[
            "nvarchar",
            "uniqueidentifier",
            "datetime2",
            "datetimeoffset",
            "object_id",
            "dbo",
            "nonclustered",
            "rowversion",
            "sp_executesql",
            "nocount",
            "getdate",
            "getutcdate",
            "sysutcdatetime",
            "newid",
            "sysname",
            "xact_abort",
            "raiserror",
            "smalldatetime",
        ],
    ),
];

fn of_word(word: &str, before: &str, next: &str) -> Option<(Product, &'static str)> {
    let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
    // PL/pgSQL raises exceptions, notices and the like.
    let is_strict_function =
        is("strict") && (before.eq_ignore_ascii_case("immutable") || next.starts_with("AS"));
    if is_strict_function
        || (is("raise") && next != "(")
        || (is("extension") && !before.eq_ignore_ascii_case("create"))
    {
        return None;
    }
    if is("identity") && before.eq_ignore_ascii_case("as") {
        return Some((Product::Postgres, "AS IDENTITY"));
    }
    if is("identity") && next == "(" {
        return Some((Product::SqlServer, "IDENTITY("));
    }
    if let Some((_, against)) = NOT_POSTGRES.iter().find(|(name, _)| is(name) && !before.is_empty()) {
        return Some((Product::Postgres, against));
    }
    if is("engine") && (next == "=" || next.eq_ignore_ascii_case("innodb")) {
        return Some((Product::MySql, "ENGINE"));
    }
    if is("function") && before.eq_ignore_ascii_case("execute") {
        return Some((Product::Postgres, "EXECUTE FUNCTION"));
    }
    if word.starts_with('@') {
        return None;
    }
    let of = |(product, words): &(Product, &[&'static str])| {
        words.iter().find(|wanted| is(wanted)).map(|sign| (*product, *sign))
    };
    WORDS.iter().find_map(of)
}

fn of_quotes(name: &str) -> Option<(Product, &'static str)> {
    match name.as_bytes().first() {
        Some(b'`') => Some((Product::MySql, "backticks")),
        Some(b'[') => Some((Product::SqlServer, "brackets")),
        _ => None,
    }
}

fn of_batch(end: &str) -> Option<(Product, &'static str)> {
    let is = |begin: &str| end.get(..begin.len()).is_some_and(|own| own.eq_ignore_ascii_case(begin));
    if is("GO") {
        Some((Product::SqlServer, "GO"))
    } else {
        is("DELIMITER").then_some((Product::MySql, "DELIMITER"))
    }
}
