//! The contract as code: one function for each numbered rule of [`Backend`], run as tests by every backend,
//! in this workspace or outside it, and by `annals verify`.
//!
//! A backend says in a [`Harness`] how its stores are made and opened, and gets a test for each rule:
//!
//! ```
//! use annals::testing::conformance::Urls;
//! annals::conformance!(memory, Urls::new("memory:").unwrap());
//! ```
//!
//! Where a store lacks a capability, its rule asserts that what needs it is refused by that name.

mod append;
mod chain;
mod durable;
mod harness;
mod kit;
mod model;
mod names;
mod order;
mod read;
mod retry;
mod worker;

use std::fmt;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Backend, BoxFuture, Capability};
use crate::error::Error;
use crate::store::{EventStore, Options};
use crate::time::Timestamp;

pub use self::harness::{Harness, Tampering, Urls};
pub use self::worker::{WORKER, work};

/// The longest one rule may take before it counts as stuck.
const RULE_MAX: Duration = Duration::from_secs(180);

/// The variable that names, separated by commas, modules made by the macro whose rules have to run: a
/// database that is missing is a failure there and not a rule left out.
const REQUIRE: &str = "ANNALS_REQUIRE";

/// The variable that repeats the random choices of a failed run.
const SEED: &str = "ANNALS_SEED";

/// One promise of the contract, and the function that would catch its lie.
pub struct Rule {
    /// Its number in the contract.
    pub number: u8,
    /// The name of its test.
    pub name: &'static str,
    /// The promise in one sentence.
    pub promise: &'static str,
    run: for<'a> fn(&'a Suite) -> BoxFuture<'a, Result<Outcome, Failure>>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("number", &self.number).field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a rule that does not fail ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The promise held.
    Passed {
        /// What was done and measured.
        figure: String,
    },
    /// The promise held as far as it was tried, which is not all of it.
    Partly {
        /// What was done and measured.
        figure: String,
        /// What the harness does not know how to try.
        untried: &'static str,
    },
    /// The store lacks the capability and refuses by its name what would need it.
    Refused {
        /// What the store lacks.
        capability: Capability,
    },
    /// The rule could not be tried here.
    NotRun {
        /// Why not.
        reason: String,
    },
}

impl Outcome {
    fn passed(figure: impl Into<String>) -> Self {
        Self::Passed { figure: figure.into() }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { figure } => write!(f, "passed: {figure}"),
            Self::Partly { figure, untried } => write!(f, "passed in part: {figure}; not tried: {untried}"),
            Self::Refused { capability } => write!(f, "refused by name: {capability}"),
            Self::NotRun { reason } => write!(f, "not run: {reason}"),
        }
    }
}

/// An expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was looked at.
    pub what: String,
    /// What the rule expects.
    pub expected: String,
    /// What the store did.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut found = format!("{}: {error}", error.kind());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            found.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self { what: "a call of the store".into(), expected: "success".into(), found }
    }
}

/// What came of one rule.
#[derive(Debug)]
pub struct Report {
    /// The rule.
    pub rule: &'static Rule,
    /// How it ended.
    pub result: Result<Outcome, Failure>,
    /// The seed of its random choices, which `ANNALS_SEED` repeats.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { number, name, .. } = self.rule;
        // The model has no number; it is all rules at once.
        let number = if *number == 0 { "all".to_owned() } else { number.to_string() };
        match &self.result {
            Ok(outcome) => write!(f, "rule {number} {name} {outcome}"),
            Err(failure) => write!(f, "rule {number} {name} failed ({SEED}={}): {failure}", self.seed),
        }
    }
}

/// A store under test, ready for any rule.
pub struct Suite {
    harness: Arc<dyn Harness>,
    worker: Option<Box<dyn Fn() -> Command + Send + Sync>>,
    seed: u64,
    made: Mutex<Vec<String>>,
}

impl Suite {
    /// The suite for the stores that a harness makes. The seed of its random choices is `ANNALS_SEED` where
    /// that is set.
    pub fn new(harness: impl Harness) -> Self {
        let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| Timestamp::now().unix_micros().unsigned_abs());
        Self { harness: Arc::new(harness), worker: None, seed, made: Mutex::default() }
    }

    /// How to start a process of this program that calls [`work`]; without one, rules about several
    /// processes use several handles in this one.
    #[must_use]
    pub fn with_worker(mut self, worker: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        self.worker = Some(Box::new(worker));
        self
    }

    /// Tries one rule on stores of its own.
    pub async fn check(&self, rule: &'static Rule) -> Report {
        let start = Instant::now();
        if let Some(reason) = self.harness.missing() {
            let result = Ok(Outcome::NotRun { reason });
            return Report { rule, result, seed: self.seed, took: start.elapsed() };
        }
        let result = match tokio::time::timeout(RULE_MAX, (rule.run)(self)).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                what: "the rule".into(),
                expected: format!("an end within {} s", RULE_MAX.as_secs()),
                found: "none".into(),
            }),
        };
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for store in made {
            self.harness.finish(&store).await;
        }
        Report { rule, result, seed: self.seed, took: start.elapsed() }
    }

    fn random(&self) -> kit::Random {
        kit::Random::new(self.seed)
    }

    fn keep(&self, store: String) -> String {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(store.clone());
        store
    }

    /// A fresh store and its name.
    async fn store(&self) -> Result<(String, EventStore), Failure> {
        let name = self.keep(self.harness.fresh());
        let store = self.open(&name).await?;
        Ok((name, store))
    }

    async fn backend(&self, name: &str) -> Result<Arc<dyn Backend>, Error> {
        self.harness.open(name).await
    }

    /// One more handle on a store. Its deadline is generous: a loaded machine is no failure.
    async fn open(&self, name: &str) -> Result<EventStore, Error> {
        let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
        Ok(EventStore::new(self.backend(name).await?, options))
    }

    /// Several handles on a store.
    async fn handles(&self, name: &str, count: usize) -> Result<Vec<EventStore>, Error> {
        let mut handles = Vec::new();
        for _ in 0..count {
            handles.push(self.open(name).await?);
        }
        Ok(handles)
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// Every rule: number, file, name and promise. The one list from which [`RULES`] and the tests are made, so
/// that no rule is without a test.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_rules {
    ([$($then:tt)*] $($context:tt)*) => {
        $($then)* { [$($context)*]
            (1, append, append_gives_consecutive_versions,
                "An append gives consecutive versions and tells where its events are.");
            (2, append, an_append_is_visible_whole_or_not_at_all,
                "All events of an append become visible together or not at all.");
            (3, append, a_failed_expectation_writes_nothing_and_tells_the_version,
                "An expected version that does not hold writes nothing and tells the actual one.");
            (4, append, of_appends_expecting_one_version_exactly_one_wins,
                "Of any number of concurrent appends that expect the same version, exactly one wins.");
            (5, append, appends_of_one_batch_succeed_and_fail_on_their_own,
                "Independent appends in one batch succeed and fail independently.");
            (6, retry, a_repeated_append_is_recognised_by_its_ids,
                "The same event ids again give the first result, and other content under them is refused.");
            (7, read, a_stream_is_read_both_ways_from_anywhere,
                "A stream is read forward and backward, from a version, limited; a missing one is empty.");
            (8, read, what_was_written_comes_back,
                "JSON comes back as the same value, bytes come back byte for byte.");
            (9, order, position_order_is_visibility_order,
                "A reader that has seen a position has seen every event below it that will ever exist.");
            (10, read, the_log_is_read_filtered_both_ways,
                "The log is read from a checkpoint, filtered, limited, in both directions.");
            (11, order, a_subscription_delivers_every_event_once_in_order,
                "A subscription catches up and is live: every event once, in order, across reconnects.");
            (12, append, an_append_spans_streams_atomically,
                "An append over several streams holds every expectation or writes nothing.");
            (13, append, a_condition_fails_exactly_when_a_match_was_missed,
                "An append under a query fails exactly when a matching event exists after the position.");
            (14, names, names_are_bytes_and_limits_are_told,
                "Names are compared byte by byte, and past a limit nothing is written.");
            (15, durable, the_database_refuses_to_change_the_log,
                "The log is append-only in the database itself.");
            (16, durable, acknowledged_means_durable,
                "What was acknowledged survives kill -9, and the settings say so.");
            (17, retry, a_dropped_append_is_whole_or_nothing,
                "A dropped future leaves the whole append or nothing, and a usable store.");
            (18, retry, a_lost_answer_is_healed_by_repeating,
                "An append whose answer is lost is repeated with the same ids until the deadline.");
            (19, durable, creating_a_store_is_safe_and_versioned,
                "Creating is idempotent, safe when several do it at once, and a newer schema is refused.");
            (20, durable, namespaces_never_see_each_other,
                "Two namespaces in one database never see each other.");
            (21, durable, checkpoints_and_snapshots_are_kept,
                "Checkpoints and snapshots are read back; a checkpoint is written by compare-and-set.");
            (22, chain, a_change_behind_the_stores_back_breaks_the_hash_chain,
                "Any change, removal or insertion behind the store's back is found by verification.");
            (23, read, an_event_is_found_by_its_id,
                "An event is found by its id.");
            (24, names, listings_are_in_byte_order_and_paged,
                "Streams and event types are listed in byte order, paged.");
        }
    };
}

macro_rules! table {
    ([] $(($number:literal, $file:ident, $name:ident, $promise:literal);)*) => {
        /// The rules of the contract, in their order.
        pub static RULES: &[Rule] = &[$(Rule {
            number: $number,
            name: stringify!($name),
            promise: $promise,
            run: |suite| Box::pin($file::$name(suite)),
        }),*];
    };
}

crate::conformance_rules! { [table!] }

/// The operations of a random history, compared with the store in memory; no rule of its own but all of
/// them at once.
pub static MODEL: Rule = Rule {
    number: 0,
    name: "random_operations_match_the_store_in_memory",
    promise: "Any sequence of operations has the same results as in memory.",
    run: |suite| Box::pin(model::random_operations_match_the_store_in_memory(suite)),
};

/// Makes a module of tests, one for each rule, for the stores of a
/// [`Harness`](crate::testing::conformance::Harness).
///
/// The expression is evaluated for each test, and again in the processes that tests start.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $harness:expr) => {
        $crate::conformance_rules! { [$crate::conformance_tests!] $name, $harness }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ([$module:ident, $harness:expr] $(($number:literal, $file:ident, $name:ident, $promise:literal);)*) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports, reason = "the harness may need what is in scope around the macro")]
            use super::*;

            fn check(name: &str) {
                $crate::testing::conformance::test($harness, module_path!(), name);
            }

            $(
                #[test]
                fn $name() {
                    check(stringify!($name));
                }
            )*

            #[test]
            fn random_operations_match_the_store_in_memory() {
                check("random_operations_match_the_store_in_memory");
            }

            /// Not a test: where the processes that the tests start begin.
            #[test]
            fn conformance_worker() {
                if $crate::testing::conformance::is_worker() {
                    $crate::testing::conformance::work_as_test($harness);
                }
            }
        }
    };
}

/// Runs one rule as a test made by the macro.
///
/// # Panics
/// When the rule fails.
#[doc(hidden)]
#[expect(clippy::print_stdout, reason = "seen where a test fails or output is asked for")]
pub fn test(harness: impl Harness, module: &str, name: &str) {
    let rule = RULES.iter().chain([&MODEL]).find(|rule| rule.name == name).expect("the macro names a rule");
    // A test's own name is its path without the crate.
    let test = format!("{}::conformance_worker", module.split_once("::").map_or(module, |(_, path)| path));
    let suite = Suite::new(harness).with_worker(move || {
        let program = std::env::current_exe().unwrap_or_default();
        let mut command = Command::new(program);
        command.args(["--exact", &test, "--nocapture", "--test-threads=1"]);
        command
    });
    let report = runtime().block_on(suite.check(rule));
    println!("{report} ({:.1} s)", report.took.as_secs_f32());
    assert!(report.result.is_ok(), "{report}");
    let required = std::env::var(REQUIRE).unwrap_or_default();
    let is_required = required.split(',').any(|name| module.rsplit("::").next() == Some(name));
    let not_run = matches!(report.result, Ok(Outcome::NotRun { .. }));
    assert!(!(is_required && not_run), "{REQUIRE} names this store, and {report}");
}

/// Whether this process was started by a rule.
#[doc(hidden)]
pub fn is_worker() -> bool {
    std::env::var_os(WORKER).is_some()
}

/// Does what a rule in another process asks for, and ends this process.
///
/// # Panics
/// When that fails, so that the test that is this process does.
#[doc(hidden)]
pub fn work_as_test(harness: impl Harness) {
    let done = runtime().block_on(work(&harness));
    assert!(done.is_ok(), "{done:?}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime needs only threads")
}
