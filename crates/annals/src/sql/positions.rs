//! The text of a query for events. Each item becomes branches, each of which walks one index in the order of
//! positions and stops at the limit, so that a page costs what it holds.

use crate::backend::{Direction, LogRange};
use crate::event::EventType;
use crate::query::{QueryItem, Scope};

/// What databases write differently.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    /// The table of events.
    pub(crate) events: String,
    /// The table of tags.
    pub(crate) event_tags: String,
    /// What the names of the columns end with that names are compared by.
    pub(crate) key: &'static str,
    /// The columns of an event, each of the table `e`.
    pub(crate) columns: &'static str,
    /// The n-th parameter, from 1.
    pub(crate) parameter: fn(usize) -> String,
    /// That the column `e.stream_id` begins with a parameter, byte by byte.
    pub(crate) begins_with: fn(&str) -> String,
    /// What stands behind ORDER BY to get so many rows.
    pub(crate) limit: fn(usize) -> String,
    /// One of the walks that a UNION puts together.
    pub(crate) part: fn(&str) -> String,
    /// What stands behind a position that has to be before what a statement finds, where it is no snapshot.
    pub(crate) bound: &'static str,
    /// What stands behind that where each walk has to see, and to lock, what was committed last.
    pub(crate) lock: &'static str,
}

/// A value for a parameter, in the order in which the text names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter<'a> {
    Position(u64),
    Text(&'a str),
}

/// The events of a part of the log.
#[derive(Debug)]
pub(crate) struct Positions<'a> {
    dialect: &'a Dialect,
    range: &'a LogRange,
    branches: Vec<Branch>,
    parameters: Vec<Parameter<'a>>,
}

/// One walk along one index.
#[derive(Debug)]
struct Branch {
    /// Which table leads: `e.position` or `t.position`.
    position: &'static str,
    from: String,
    tests: Vec<String>,
}

static ALL: QueryItem = QueryItem { types: Vec::new(), tags: Vec::new(), scope: Scope::All };

impl<'a> Positions<'a> {
    pub(crate) fn new(dialect: &'a Dialect, range: &'a LogRange) -> Self {
        let mut positions = Self { dialect, range, branches: Vec::new(), parameters: Vec::new() };
        if range.query.is_all() {
            positions.add(&ALL, &[]);
            return positions;
        }
        for item in range.query.items() {
            if item.tags.is_empty() && item.types.len() > 1 && !matches!(item.scope, Scope::Stream(_)) {
                // One branch a type keeps each of them in the order of its index.
                for event_type in &item.types {
                    positions.add(item, std::slice::from_ref(event_type));
                }
            } else {
                positions.add(item, &item.types);
            }
        }
        positions
    }

    /// Nothing can match.
    pub(crate) fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    pub(crate) fn parameters(&self) -> &[Parameter<'a>] {
        &self.parameters
    }

    /// Selects the events themselves, in order, at most so many.
    pub(crate) fn events_sql(&self, limit: usize) -> String {
        let Dialect { events, columns, .. } = self.dialect;
        match &*self.branches {
            [one] => self.walk(one, columns, limit),
            _ => format!(
                "SELECT {columns} FROM ({}) p JOIN {events} e ON e.position = p.position ORDER BY e.position{}",
                self.positions_sql(limit),
                self.order(),
            ),
        }
    }

    /// Selects their positions, in order, at most so many.
    pub(crate) fn positions_sql(&self, limit: usize) -> String {
        let walk = |branch: &Branch| {
            let column = format!("{} AS position", branch.position);
            self.walk(branch, &column, limit)
        };
        match &*self.branches {
            [one] => walk(one),
            several => {
                let parts: Vec<String> =
                    several.iter().map(|branch| (self.dialect.part)(&walk(branch))).collect();
                let limit = (self.dialect.limit)(limit);
                format!("{} ORDER BY position{}{limit}", parts.join(" UNION "), self.order())
            }
        }
    }

    fn walk(&self, branch: &Branch, columns: &str, limit: usize) -> String {
        let Branch { position, from, tests } = branch;
        let (tests, order, limit) = (tests.join(" AND "), self.order(), (self.dialect.limit)(limit));
        let lock = self.dialect.lock;
        format!("SELECT {columns} FROM {from} WHERE {tests} ORDER BY {position}{order}{limit}{lock}")
    }

    fn order(&self) -> &'static str {
        match self.range.direction {
            Direction::Forward => "",
            Direction::Backward => " DESC",
        }
    }

    fn parameter(&mut self, parameter: Parameter<'a>) -> String {
        self.parameters.push(parameter);
        (self.dialect.parameter)(self.parameters.len())
    }

    fn text(&mut self, text: &'a str) -> String {
        self.parameter(Parameter::Text(text))
    }

    fn add(&mut self, item: &'a QueryItem, types: &'a [EventType]) {
        let Dialect { events, event_tags, key, begins_with, bound, .. } = self.dialect;
        let mut tests = Vec::new();
        let (position, from) = match item.tags.split_first() {
            // The tag that leads walks its own index; the others are looked up.
            Some((leading, others)) => {
                let tag = self.text(leading.as_str());
                tests.push(format!("t.tag{key} = {tag}"));
                for other in others {
                    let tag = self.text(other.as_str());
                    tests.push(format!(
                        "EXISTS (SELECT 1 FROM {event_tags} o WHERE o.tag{key} = {tag} AND o.position = t.position)"
                    ));
                }
                ("t.position", format!("{event_tags} t JOIN {events} e ON e.position = t.position"))
            }
            None => ("e.position", format!("{events} e")),
        };
        if !types.is_empty() {
            let types: Vec<String> = types.iter().map(|name| self.text(name.as_str())).collect();
            tests.push(match &*types {
                [one] => format!("e.event_type{key} = {one}"),
                several => format!("e.event_type{key} IN ({})", several.join(", ")),
            });
        }
        match &item.scope {
            Scope::All => {}
            Scope::Stream(stream_id) => {
                let stream_id = self.text(stream_id.as_str());
                tests.push(format!("e.stream_id{key} = {stream_id}"));
            }
            Scope::Prefix(prefix) => {
                let prefix = self.text(prefix);
                tests.push(begins_with(&prefix));
            }
            Scope::Category(category) => {
                let category = self.text(category.as_str());
                tests.push(format!("e.category{key} = {category}"));
            }
        }
        let compare = match self.range.direction {
            Direction::Forward => ">=",
            Direction::Backward => "<=",
        };
        let begin = self.parameter(Parameter::Position(self.range.from.0));
        tests.push(format!("{position} {compare} {begin}"));
        if !bound.is_empty() {
            tests.push(format!("{position} {bound}"));
        }
        self.branches.push(Branch { position, from, tests });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Position, Query};

    fn dialect() -> Dialect {
        Dialect {
            events: "events".to_owned(),
            event_tags: "event_tags".to_owned(),
            key: "",
            columns: "e.position, e.payload",
            parameter: |n| format!("${n}"),
            begins_with: |prefix| format!("starts_with(e.stream_id, {prefix})"),
            limit: |limit| format!(" LIMIT {limit}"),
            part: |walk| format!("({walk})"),
            bound: "",
            lock: "",
        }
    }

    #[test]
    fn parameters_are_named_in_the_order_of_the_text() {
        let item = QueryItem {
            types: vec!["paid".parse().unwrap(), "sent".parse().unwrap()],
            tags: vec!["a:1".parse().unwrap(), "b:2".parse().unwrap()],
            scope: Scope::Prefix("order-".to_owned()),
        };
        let query = Query::from(item).or(Query::stream("s".parse().unwrap()));
        let range = LogRange { query, from: Position(7), direction: Direction::Backward, limit: 2 };
        let dialect = dialect();
        let positions = Positions::new(&dialect, &range);
        let sql = positions.events_sql(3);
        let named: Vec<usize> =
            (1..=positions.parameters().len()).map(|n| sql.find(&format!("${n}")).unwrap()).collect();
        assert!(named.is_sorted(), "{sql}");
        assert_eq!(sql.matches('$').count(), positions.parameters().len());
        assert_eq!(sql.matches(" LIMIT 3").count(), 3, "{sql}");
        assert_eq!(sql.matches(" DESC").count(), 4, "{sql}");
    }

    #[test]
    fn one_walk_needs_no_list_of_positions() {
        let range =
            LogRange { query: Query::all(), from: Position(1), direction: Direction::Forward, limit: 9 };
        let dialect = dialect();
        assert_eq!(
            Positions::new(&dialect, &range).events_sql(10),
            "SELECT e.position, e.payload FROM events e WHERE e.position >= $1 ORDER BY e.position LIMIT 10"
        );
    }
}
