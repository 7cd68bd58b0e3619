//! Projects trees from events.
//!
//! A history with branches and merges is not a line, a log is. What makes every commit's tree a fold all
//! the same: each commit has one *first* parent, so each has one line of first parents back to a root, and
//! its tree is the fold of that line's events. Which commits are on it is itself a projection, of `history`.

use std::collections::{BTreeMap, HashMap, HashSet};

use annals::{EventStore, Query, Result as StoreResult, Version};

use crate::Failure;
use crate::events::{
    COMMIT_RECORDED, CommitRecorded, FileEvent, FilePath, FilePresent, HISTORY, Mode, ObjectId, commit_of,
    commit_tag,
};

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) object: ObjectId,
    pub(crate) mode: Mode,
}

/// The files of one commit, folded from events.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<FilePath, Entry>,
    /// What was there before each change since the first mark that is still open.
    undo: Vec<(FilePath, Option<Entry>)>,
    marks: Vec<usize>,
}

impl Tree {
    pub(crate) fn files(&self) -> &BTreeMap<FilePath, Entry> {
        &self.files
    }

    /// Carries out an event; an event that cannot have happened here is refused.
    pub(crate) fn evolve(&mut self, event: FileEvent) -> Result<(), String> {
        let (path, after, there_before) = match event {
            FileEvent::Added(FilePresent { path, object, mode, .. })
            | FileEvent::RenamedHere(FilePresent { path, object, mode, .. }) => {
                (path, Some(Entry { object, mode }), false)
            }
            FileEvent::Changed(FilePresent { path, object, mode, .. })
            | FileEvent::ModeChanged(FilePresent { path, object, mode, .. })
            | FileEvent::KindChanged(FilePresent { path, object, mode, .. }) => {
                (path, Some(Entry { object, mode }), true)
            }
            FileEvent::RenamedAway(gone) | FileEvent::Removed(gone) => (gone.path, None, true),
        };
        let kept = if self.marks.is_empty() { None } else { Some(path.clone()) };
        let impossible = |is| format!("{path:?} {is}");
        let before = match (self.files.get(&path), there_before) {
            (Some(_), false) => return Err(impossible("is added although it is there")),
            (None, true) => return Err(impossible("is changed although it is not there")),
            (before, _) => before.copied(),
        };
        match after {
            Some(entry) => self.files.insert(path, entry),
            None => self.files.remove(&path),
        };
        self.undo.extend(kept.map(|path| (path, before)));
        Ok(())
    }

    /// Remembers the tree as it is now.
    fn mark(&mut self) {
        self.marks.push(self.undo.len());
    }

    /// Goes back to the last mark, which is forgotten.
    fn rewind(&mut self) {
        let kept = self.marks.pop().unwrap_or(0);
        for (path, before) in self.undo.drain(kept..).rev() {
            match before {
                Some(entry) => self.files.insert(path, entry),
                None => self.files.remove(&path),
            };
        }
    }
}

/// Which commits are recorded, and what their first parents are: the projection of the stream `history`.
#[derive(Debug, Default)]
pub(crate) struct History {
    commits: HashMap<ObjectId, Recorded>,
    version: Version,
}

#[derive(Debug)]
struct Recorded {
    first_parent: Option<ObjectId>,
    changes: u64,
}

impl History {
    /// Continues to read where it stopped the last time.
    pub(crate) async fn catch_up(&mut self, store: &EventStore) -> StoreResult<()> {
        let mut events = store.read_stream(HISTORY)?.from(self.version.next()).events();
        while let Some(event) = events.next().await? {
            let CommitRecorded { commit, parents, changes, .. } = event.payload.decode()?;
            self.commits.insert(commit, Recorded { first_parent: parents.first().copied(), changes });
            self.version = event.stream_version;
        }
        Ok(())
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn has(&self, commit: ObjectId) -> bool {
        self.commits.contains_key(&commit)
    }
}

/// One step of a walk through history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Folds the events of a commit, whose first parent's tree this is.
    Fold(ObjectId, u64),
    /// The tree is the one of this commit, which was asked for.
    Arrive(ObjectId),
    /// Here lines part: remember the tree.
    Mark,
    /// The line ends: go back to where it parted.
    Rewind,
}

/// A walk that comes by each commit asked for and folds no event twice. Lines of first parents join toward
/// the past, so they form a tree; the walk follows it from the roots and leaves the longest branch for last,
/// so that it never has to go back far.
fn walk(history: &History, wanted: &HashSet<ObjectId>) -> Result<Vec<Step>, Failure> {
    let mut children: HashMap<Option<ObjectId>, Vec<ObjectId>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut sorted: Vec<ObjectId> = wanted.iter().copied().collect();
    sorted.sort();
    for commit in sorted {
        let mut next = Some(commit);
        while let Some(commit) = next.filter(|commit| seen.insert(*commit)) {
            let parent = recorded(history, commit)?.first_parent;
            children.entry(parent).or_default().push(commit);
            next = parent;
        }
    }

    // Parents come before their children here, so that backward every child comes before its parent.
    let mut order = vec![None];
    for i in 0.. {
        let Some(&commit) = order.get(i) else { break };
        order.extend(children.get(&commit).into_iter().flatten().copied().map(Some));
    }
    let mut weights: HashMap<Option<ObjectId>, usize> = HashMap::with_capacity(order.len());
    for commit in order.into_iter().rev() {
        let below = children.get(&commit).into_iter().flatten().map(|child| weights[&Some(*child)]);
        let weight = 1 + below.sum::<usize>();
        weights.insert(commit, weight);
    }

    enum Todo {
        Visit(Option<ObjectId>),
        Step(Step),
    }
    let mut steps = Vec::with_capacity(weights.len());
    let mut todo = vec![Todo::Visit(None)];
    while let Some(next) = todo.pop() {
        let commit = match next {
            Todo::Step(step) => {
                steps.push(step);
                continue;
            }
            Todo::Visit(commit) => commit,
        };
        if let Some(commit) = commit {
            steps.push(Step::Fold(commit, recorded(history, commit)?.changes));
            if wanted.contains(&commit) {
                steps.push(Step::Arrive(commit));
            }
        }
        // The last to go on the pile is the first to be done.
        let mut branches = children.remove(&commit).unwrap_or_default();
        branches.sort_by_key(|child| std::cmp::Reverse(weights[&Some(*child)]));
        for (i, child) in branches.into_iter().enumerate() {
            if i == 0 {
                todo.push(Todo::Visit(Some(child)));
            } else {
                todo.extend([Todo::Step(Step::Rewind), Todo::Visit(Some(child)), Todo::Step(Step::Mark)]);
            }
        }
    }
    Ok(steps)
}

fn recorded(history: &History, commit: ObjectId) -> Result<&Recorded, Failure> {
    history
        .commits
        .get(&commit)
        .ok_or_else(|| Failure::Unequal(format!("commit {commit} is not in the store")))
}

/// Commits whose events are read with one query.
const READ_COMMITS_MAX: usize = 64;
/// Events read ahead, unless a single commit has more.
const READ_EVENTS_MAX: u64 = 10_000;

/// How much was folded.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    pub(crate) commits: u64,
    pub(crate) events: u64,
}

/// Folds the trees of these commits and shows each to `arrive`.
pub(crate) async fn replay(
    store: &EventStore,
    history: &History,
    wanted: &HashSet<ObjectId>,
    mut arrive: impl FnMut(ObjectId, &Tree) -> Result<(), Failure>,
) -> Result<Replayed, Failure> {
    let steps = walk(history, wanted)?;
    let mut tree = Tree::default();
    let mut replayed = Replayed::default();
    let mut ahead = HashMap::new();
    for (i, step) in steps.iter().enumerate() {
        match *step {
            Step::Mark => tree.mark(),
            Step::Rewind => tree.rewind(),
            Step::Arrive(commit) => arrive(commit, &tree)?,
            Step::Fold(commit, changes) => {
                if changes > 0 && !ahead.contains_key(&commit) {
                    ahead = read_ahead(store, &steps[i..]).await?;
                }
                for event in ahead.remove(&commit).unwrap_or_default() {
                    replayed.events += 1;
                    tree.evolve(event).map_err(|e| Failure::Unequal(format!("in commit {commit} {e}")))?;
                }
                replayed.commits += 1;
            }
        }
    }
    Ok(replayed)
}

/// The events of the next commits to fold, in one query.
async fn read_ahead(store: &EventStore, steps: &[Step]) -> StoreResult<HashMap<ObjectId, Vec<FileEvent>>> {
    let mut ahead: HashMap<ObjectId, Vec<FileEvent>> = HashMap::new();
    let mut query: Option<Query> = None;
    let mut events = 0;
    for step in steps {
        let Step::Fold(commit, changes @ 1..) = *step else { continue };
        events += changes;
        if ahead.len() == READ_COMMITS_MAX || (events > READ_EVENTS_MAX && query.is_some()) {
            break;
        }
        let of_commit = Query::tags([commit_tag(commit)?]);
        query = Some(match query {
            Some(query) => query.or(of_commit),
            None => of_commit,
        });
        ahead.insert(commit, Vec::new());
    }
    let Some(query) = query else { return Ok(ahead) };
    let mut events = store.read_all().matching(query).events();
    while let Some(event) = events.next().await? {
        if event.event_type.as_str() != COMMIT_RECORDED {
            ahead.entry(commit_of(&event)?).or_default().push(FileEvent::decode(&event)?);
        }
    }
    Ok(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> ObjectId {
        format!("{n:040x}").parse().unwrap()
    }

    fn history(lines: &[(u32, Option<u32>)]) -> History {
        let recorded = |parent: Option<u32>| Recorded { first_parent: parent.map(id), changes: 1 };
        let commits = lines.iter().map(|(commit, parent)| (id(*commit), recorded(*parent))).collect();
        History { commits, version: Version::NONE }
    }

    #[test]
    fn a_walk_folds_each_commit_once_and_takes_the_longest_branch_last() {
        // Two roots, 1 and 9; from 2 a short branch to 3 and a long one over 4 to 5.
        let history = history(&[
            (1, None),
            (2, Some(1)),
            (3, Some(2)),
            (4, Some(2)),
            (5, Some(4)),
            (6, Some(5)),
            (9, None),
        ]);
        let steps = walk(&history, &HashSet::from([id(1), id(3), id(5), id(9)])).unwrap();
        let fold = |n| Step::Fold(id(n), 1);
        let arrive = |n| Step::Arrive(id(n));
        let expected = [
            &[Step::Mark, fold(9), arrive(9), Step::Rewind][..],
            &[fold(1), arrive(1), fold(2)],
            &[Step::Mark, fold(3), arrive(3), Step::Rewind],
            &[fold(4), fold(5), arrive(5)],
        ]
        .concat();
        assert_eq!(steps, expected);
        assert!(walk(&history, &HashSet::from([id(7)])).is_err());
    }

    #[test]
    fn a_rewound_tree_is_what_it_was() {
        let present = |path: &str, n| FilePresent {
            path: FilePath(path.into()),
            object: id(n),
            mode: "100644".parse().unwrap(),
            from: None,
        };
        let mut tree = Tree::default();
        tree.evolve(FileEvent::Added(present("a", 1))).unwrap();
        let before = tree.files().clone();
        tree.mark();
        tree.evolve(FileEvent::Changed(present("a", 2))).unwrap();
        tree.mark();
        tree.evolve(FileEvent::Added(present("b", 3))).unwrap();
        tree.rewind();
        assert_eq!(tree.files().len(), 1);
        tree.rewind();
        assert_eq!(*tree.files(), before);
        tree.evolve(FileEvent::Added(present("a", 2))).unwrap_err();
        tree.evolve(FileEvent::Changed(present("b", 2))).unwrap_err();
    }
}
