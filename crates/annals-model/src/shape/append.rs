//! What functions and triggers do when events are appended, as far as their text tells.

use super::{Operation, Routine, StoreShape, Table, Trigger};

/// A lock that is taken while events are appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendLock {
    /// One for all of them: no two transactions append at the same time.
    Whole,
    /// One for those that share a value: its expression.
    By(String),
}

/// The routines that insert into a table.
pub fn appending<'s>(store: &'s StoreShape, table: &Table) -> Vec<&'s Routine> {
    let own = |routine: &&Routine| inserts_into(&routine.body, table);
    let direct: Vec<&Routine> = store.routines.iter().filter(own).collect();
    let is_direct = |routine: &Routine| direct.iter().any(|other| std::ptr::eq(*other, routine));
    // One that checks and locks may leave the writing to another.
    let calls = |routine: &&Routine| {
        !is_direct(routine) && {
            let body = squeeze(&routine.body);
            direct.iter().any(|inner| is_called_in(&body, inner))
        }
    };
    let callers: Vec<&Routine> = store.routines.iter().filter(calls).collect();
    callers.into_iter().chain(direct.iter().copied()).collect()
}

/// Whether a text, squeezed, calls a routine.
fn is_called_in(body: &str, routine: &Routine) -> bool {
    let name = squeeze(routine.name.rsplit('.').next().unwrap_or_default());
    let is_call = |(at, _): (usize, &str)| {
        let before = body.get(..at).unwrap_or_default();
        let behind = body.get(at + name.len()..).unwrap_or_default();
        let is_whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_executed =
            before.rsplit(' ').nth(1).is_some_and(|word| ["exec", "execute", "call"].contains(&word));
        is_whole && (behind.starts_with('(') || (is_executed && behind.starts_with([' ', ';'])))
    };
    !name.is_empty() && body.match_indices(&name).any(is_call)
}

/// The lock under which the routines that append to a table do so, or a trigger of it: the widest there is.
pub fn lock(store: &StoreShape, table: &Table) -> Option<AppendLock> {
    let own = appending(store, table);
    let called = |body: &str| {
        let body = squeeze(body);
        let calls = |routine: &&Routine| is_called_in(&body, routine);
        store.routines.iter().filter(calls).filter_map(|routine| lock_in(&routine.body)).collect::<Vec<_>>()
    };
    let on_insert = store
        .triggers
        .iter()
        .filter(|trigger| table.is_called(&trigger.table) && trigger.on.contains(&Operation::Insert));
    let locks: Vec<AppendLock> = own
        .iter()
        .flat_map(|routine| lock_in(&routine.body).into_iter().chain(called(&routine.body)))
        .chain(on_insert.filter_map(|trigger| lock_in(&trigger.body)))
        .collect();
    let whole = locks.iter().find(|lock| **lock == AppendLock::Whole).cloned();
    whole.or_else(|| locks.into_iter().next())
}

/// Whether a body refuses: it raises an error.
pub fn refuses(body: &str) -> bool {
    let body = body.to_lowercase();
    [
        "raise exception",
        "raise(",
        "raise (",
        "raise sqlstate",
        "signal sqlstate",
        "throw",
        "raiserror",
        "rollback",
    ]
    .iter()
    .any(|word| body.contains(word))
        || (body.contains("raise ") && body.contains("exception"))
}

/// The triggers of a table that are about an operation.
pub fn triggers_on<'s>(
    store: &'s StoreShape,
    table: &'s Table,
    operation: Operation,
) -> impl Iterator<Item = &'s Trigger> {
    let is_about =
        move |trigger: &&Trigger| trigger.on.contains(&operation) && table.is_called(&trigger.table);
    store.triggers.iter().filter(is_about)
}

/// Whether a text inserts into a table.
pub fn inserts_into(body: &str, table: &Table) -> bool {
    names_after(body, "insert into")
        .chain(names_after(body, "insert ignore into"))
        .any(|name| table.is_called(&name))
}

/// Whether a text writes into a table.
pub fn writes_into(body: &str, table: &Table) -> bool {
    let written = ["insert into", "update", "delete from", "merge into", "replace into"];
    written.iter().any(|verb| names_after(body, verb).any(|name| table.is_called(&name)))
}

/// The names that stand behind a verb, without quotes.
fn names_after<'b>(body: &'b str, verb: &'b str) -> impl Iterator<Item = String> + 'b {
    let text = squeeze(body);
    let found: Vec<String> = text
        .match_indices(verb)
        .filter_map(|(at, verb)| {
            let rest = text.get(at + verb.len()..)?.strip_prefix(' ')?;
            let end = rest.find([' ', '(', ';', ',', ')']).unwrap_or(rest.len());
            rest.get(..end).map(str::to_owned)
        })
        .collect();
    found.into_iter()
}

/// A text in lower case without comments and quotes around names, and with one blank where there were several.
fn squeeze(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let bare: String = lines.collect::<Vec<_>>().join(" ").to_lowercase().replace(['"', '`', '[', ']'], "");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lock_in(body: &str) -> Option<AppendLock> {
    let text = squeeze(body);
    let whole =
        ["lock table ", "lock tables ", "sp_getapplock", "get_lock(", "tablockx", "pg_advisory_lock_all"];
    if whole.iter().any(|lock| text.contains(lock)) {
        return Some(AppendLock::Whole);
    }
    let advisory = ["pg_advisory_xact_lock(", "pg_advisory_lock("];
    let mut arguments: Vec<&str> = advisory
        .iter()
        .flat_map(|name| text.match_indices(name).map(|(at, name)| at + name.len()))
        .map(|at| argument(text.get(at..).unwrap_or_default()))
        .collect();
    arguments.sort_by_key(|argument| !is_constant(argument));
    if let Some(argument) = arguments.first() {
        return Some(match is_constant(argument) {
            true => AppendLock::Whole,
            false => AppendLock::By((*argument).to_owned()),
        });
    }
    let statement = text.split(';').find(|statement| statement.contains(" for update"))?;
    let one_row = statement.split_once(" where ").is_none_or(|(_, condition)| {
        let first = condition.split([' ', ')']).nth(2).unwrap_or_default();
        is_constant(first)
    });
    Some(if one_row { AppendLock::Whole } else { AppendLock::By("the row that is read".to_owned()) })
}

/// The text up to the bracket that closes a call.
fn argument(text: &str) -> &str {
    let mut depth = 1;
    let closes = |(_, c): &(usize, char)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    };
    let end = text.char_indices().find(closes).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().trim()
}

/// Whether an expression has no name in it but those of functions over a text.
fn is_constant(expression: &str) -> bool {
    let without_texts: String = expression.split('\'').step_by(2).collect();
    let is_known = |word: &str| {
        word.chars().all(|c| c.is_ascii_digit())
            || ["hashtext", "hashtextextended", "bigint", "int", "integer", "int4", "int8", "regclass", "oid"]
                .contains(&word)
    };
    without_texts
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(body: &str) -> StoreShape {
        let table = Table { name: "shop.events".to_owned(), ..Table::default() };
        let routine = Routine { name: "append".to_owned(), body: body.to_owned(), span: None };
        StoreShape { tables: vec![table], routines: vec![routine], ..StoreShape::default() }
    }

    #[test]
    fn a_lock_by_a_constant_holds_back_every_append() {
        let body =
            "PERFORM pg_advisory_xact_lock(hashtext('events')::bigint);\nINSERT INTO shop.\"events\" (id)";
        let store = store(body);
        assert_eq!(lock(&store, &store.tables[0]), Some(AppendLock::Whole));
    }

    #[test]
    fn a_lock_by_a_value_holds_back_those_that_share_it() {
        let body = "PERFORM pg_advisory_xact_lock(hash_64(category)); INSERT INTO events VALUES (1)";
        let store = store(body);
        let expected = Some(AppendLock::By("hash_64(category)".to_owned()));
        assert_eq!(lock(&store, &store.tables[0]), expected);
    }

    #[test]
    fn a_lock_in_a_function_that_is_called_counts() {
        let mut store = store("PERFORM acquire(1); INSERT INTO events VALUES (1)");
        let body = "BEGIN LOCK TABLE events IN EXCLUSIVE MODE; END".to_owned();
        store.routines.push(Routine { name: "shop.acquire".to_owned(), body, span: None });
        assert_eq!(lock(&store, &store.tables[0]), Some(AppendLock::Whole));
    }

    #[test]
    fn a_function_that_reads_is_none_that_appends() {
        let store = store("SELECT pg_advisory_xact_lock(1); SELECT * FROM events -- insert into events");
        assert_eq!(lock(&store, &store.tables[0]), None);
        assert!(appending(&store, &store.tables[0]).is_empty());
    }

    #[test]
    fn a_row_that_is_one_for_all_is_told_from_the_row_of_a_stream() {
        let of = |condition: &str| {
            let body =
                format!("SELECT last FROM t WHERE {condition} FOR UPDATE; INSERT INTO events VALUES (1)");
            let store = store(&body);
            lock(&store, &store.tables[0])
        };
        assert_eq!(of("id = 1"), Some(AppendLock::Whole));
        assert!(matches!(of("stream_id = p_stream"), Some(AppendLock::By(_))));
    }
}
