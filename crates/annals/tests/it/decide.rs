//! Load, decide, append, and again: over one stream, over several, over queries, under contention.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use annals::prelude::*;
use annals::{CommandId, CorrelationId, ErrorKind, OnUnknown, Options};

use crate::sqlite;

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(stream = "account-{account}")]
enum Bank {
    Opened {
        #[event(tag)]
        account: u32,
    },
    Deposited {
        #[event(tag)]
        account: u32,
        amount: i64,
    },
    Withdrawn {
        #[event(tag)]
        account: u32,
        amount: i64,
    },
}

#[derive(Default, Debug, PartialEq)]
struct Account {
    open: bool,
    balance: i64,
}

impl State for Account {
    type Event = Bank;

    fn evolve(&mut self, event: &Bank) {
        match event {
            Bank::Opened { .. } => self.open = true,
            Bank::Deposited { amount, .. } => self.balance += amount,
            Bank::Withdrawn { amount, .. } => self.balance -= amount,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Refused {
    Insufficient { balance: i64 },
}

enum Command {
    Withdraw { account: u32, amount: i64 },
}

impl Decider for Account {
    type Command = Command;
    type Refusal = Refused;

    fn decide(&self, command: &Command) -> Result<Vec<Bank>, Refused> {
        match *command {
            Command::Withdraw { amount, .. } if amount > self.balance => {
                Err(Refused::Insufficient { balance: self.balance })
            }
            Command::Withdraw { account, amount } => Ok(vec![Bank::Withdrawn { account, amount }]),
        }
    }
}

fn transfer(from: u32, to: u32, amount: i64) -> impl Fn(&(Account, Account)) -> Result<[Bank; 2], Refused> {
    move |(payer, _)| {
        if amount > payer.balance {
            return Err(Refused::Insufficient { balance: payer.balance });
        }
        Ok([Bank::Withdrawn { account: from, amount }, Bank::Deposited { account: to, amount }])
    }
}

async fn deposit(store: &EventStore, account: u32, amount: i64) {
    let deposited = [Bank::Opened { account }, Bank::Deposited { account, amount }];
    store
        .decide(stream::<Account>(format!("account-{account}")), move |_| Ok::<_, ()>(deposited.clone()))
        .await
        .unwrap();
}

async fn balance(store: &EventStore, account: u32) -> i64 {
    store.load(&stream::<Account>(format!("account-{account}"))).await.unwrap().state.balance
}

fn of_account(account: u32) -> Query {
    Query::tags([Tag::new(format!("account:{account}")).unwrap()])
}

#[tokio::test]
async fn a_refusal_is_the_domains_own_error_one_level_deep() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 10).await;
    let refused = store
        .execute::<Account>("account-1", Command::Withdraw { account: 1, amount: 11 })
        .await
        .unwrap_err();
    assert!(matches!(refused, DecideError::Refused(Refused::Insufficient { balance: 10 })), "{refused:?}");
    let done =
        store.execute::<Account>("account-1", Command::Withdraw { account: 1, amount: 4 }).await.unwrap();
    assert_eq!((done.events.len(), done.replayed, done.attempts, done.repeated), (1, 2, 1, false));
    assert_eq!(balance(&store, 1).await, 6);
}

#[tokio::test]
async fn a_repeated_command_is_answered_and_not_decided_again() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 10).await;
    let id: CommandId = "request-7".parse().unwrap();
    let decided = std::sync::Arc::new(AtomicU32::new(0));
    let withdraw = || {
        let decided = decided.clone();
        let withdraw = move |account: &Account| {
            decided.fetch_add(1, Ordering::Relaxed);
            account.decide(&Command::Withdraw { account: 1, amount: 10 })
        };
        store.decide(stream("account-1"), withdraw).command_id(id)
    };
    let first = withdraw().await.unwrap();
    // Decided anew it would be refused: the money is gone.
    let second = withdraw().await.unwrap();
    assert_eq!((first.repeated, second.repeated, decided.load(Ordering::Relaxed)), (false, true, 1));
    assert_eq!(first.events, second.events);
    assert_eq!(first.checkpoint(), second.checkpoint());
    assert_eq!(first.appended.unwrap().streams, second.appended.unwrap().streams);
    assert_eq!(balance(&store, 1).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_sent_by_many_at_once_is_carried_out_once() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 100).await;
    let id: CommandId = "once".parse().unwrap();
    let tries: Vec<_> = (0..16)
        .map(|_| {
            let command = Command::Withdraw { account: 1, amount: 1 };
            let store = store.clone();
            tokio::spawn(async move { store.execute::<Account>("account-1", command).command_id(id).await })
        })
        .collect();
    let mut written = 0;
    for done in tries {
        written += u32::from(!done.await.unwrap().unwrap().repeated);
    }
    assert_eq!((written, balance(&store, 1).await), (1, 99));
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_between_streams_never_lose_or_make_money() {
    let (store, _dir) = sqlite().await;
    for account in 0..4 {
        deposit(&store, account, 100).await;
    }
    let transfers: Vec<_> = (0..64u32)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let (from, to) = (n % 4, (n + 1 + n / 16) % 4);
                if from == to {
                    return;
                }
                let accounts = (stream(format!("account-{from}")), stream(format!("account-{to}")));
                match store.decide(accounts, transfer(from, to, 30)).await {
                    Ok(_) | Err(DecideError::Refused(_)) => {}
                    Err(DecideError::Store(error)) => panic!("{error}"),
                }
            })
        })
        .collect();
    for transfer in transfers {
        transfer.await.unwrap();
    }
    let mut total = 0;
    for account in 0..4 {
        let balance = balance(&store, account).await;
        assert!(balance >= 0, "account {account} is at {balance}");
        total += balance;
    }
    assert_eq!(total, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_over_queries_sees_every_event_it_is_about() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 100).await;
    deposit(&store, 2, 0).await;
    let both = || (query::<Account>(of_account(1)), query::<Account>(of_account(2)));
    let tries: Vec<_> = (0..24)
        .map(|_| {
            let (store, both) = (store.clone(), both());
            tokio::spawn(async move { store.decide(both, transfer(1, 2, 10)).await.is_ok() })
        })
        .collect();
    let mut done = 0;
    for transfer in tries {
        done += i64::from(transfer.await.unwrap());
    }
    assert_eq!((done, balance(&store, 1).await, balance(&store, 2).await), (10, 0, 100));
}

#[tokio::test]
async fn a_decision_without_events_writes_nothing() {
    let (store, _dir) = sqlite().await;
    let done = store.decide(stream::<Account>("account-1"), |_| Ok::<_, ()>(None::<Bank>)).await.unwrap();
    assert!(done.appended.is_none() && done.checkpoint().is_none());
    assert_eq!(store.head().await.unwrap().position.0, 0);
}

#[tokio::test]
async fn what_surrounds_a_command_is_recorded_with_its_events() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 10).await;
    store
        .execute::<Account>("account-1", Command::Withdraw { account: 1, amount: 1 })
        .correlation_id(CorrelationId::new("checkout-9").unwrap())
        .metadata(annals::Metadata::parse(r#"{"user":"ada"}"#).unwrap())
        .await
        .unwrap();
    let last = store.read_stream("account-1").unwrap().backward().limit(1).collect().await.unwrap().remove(0);
    assert_eq!(last.correlation_id.unwrap(), "checkout-9");
    assert_eq!(last.metadata.as_str(), r#"{"user":"ada"}"#);
    assert_eq!(last.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["account:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn contention_beyond_the_retries_is_a_conflict() {
    let options = Options { conflict_retries_max: 1, ..Options::default() };
    let store = EventStore::connect_with("memory:", options).await.unwrap();
    let writer = store.clone();
    let always_late = move |_: &Account| {
        let writer = writer.clone();
        // Somebody else is always faster.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(deposit(&writer, 1, 1));
        })
        .join()
        .unwrap();
        Ok::<_, ()>([Bank::Withdrawn { account: 1, amount: 1 }])
    };
    match store.decide(stream::<Account>("account-1"), always_late).await {
        Err(DecideError::Store(error)) => assert_eq!(error.kind(), ErrorKind::Conflict),
        other => panic!("{other:?}"),
    }
    assert_eq!(balance(&store, 1).await, 2);
}

#[derive(Default)]
struct Tolerant(u32);

impl State for Tolerant {
    type Event = Bank;
    const ON_UNKNOWN: OnUnknown = OnUnknown::Skip;

    fn evolve(&mut self, _: &Bank) {
        self.0 += 1;
    }
}

#[tokio::test]
async fn an_unknown_event_is_skipped_or_refused_as_the_state_says() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 1).await;
    let foreign = NewEvent::json("audited", &()).unwrap();
    store.append("account-1", Expected::Any, [foreign]).await.unwrap();
    assert_eq!(store.load(&stream::<Tolerant>("account-1")).await.unwrap().state.0, 2);
    let refused = store.load(&stream::<Account>("account-1")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.to_string().contains("\"audited\""), "{refused}");
}

#[tokio::test]
async fn loads_are_counted_by_category() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 1).await;
    balance(&store, 1).await;
    balance(&store, 2).await;
    let stats = store.loads();
    assert_eq!(stats.len(), 1);
    assert_eq!(
        (stats[0].category.as_str(), stats[0].loads, stats[0].replayed, stats[0].longest),
        ("account", 3, 2, 2)
    );
}

/// Carries something out in the middle of a decision, as another process would.
fn meanwhile<T: Send + 'static>(what: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    std::thread::spawn(move || runtime.block_on(what)).join().unwrap()
}

/// What somebody else does while a [`Raced`] is loaded.
static WHILE_LOADING: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

/// An account whose loading begins, once, with what somebody else does.
struct Raced(Account);

impl Default for Raced {
    fn default() -> Self {
        if let Some(act) = WHILE_LOADING.lock().unwrap().take() {
            act();
        }
        Self(Account::default())
    }
}

impl State for Raced {
    type Event = Bank;

    fn evolve(&mut self, event: &Bank) {
        self.0.evolve(event);
    }
}

/// The id was looked up before the state was loaded: a client that repeated a command while the first try
/// was still running was refused for want of the money that the command itself had taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_carried_out_while_its_repetition_loaded_is_answered_not_refused() {
    let store = EventStore::connect("memory:").await.unwrap();
    deposit(&store, 1, 10).await;
    let id: CommandId = "request-8".parse().unwrap();
    let withdraw = || Command::Withdraw { account: 1, amount: 10 };
    for refuses in [true, false] {
        let first = store.execute::<Account>("account-1", withdraw());
        let id = if refuses { id } else { "request-9".parse().unwrap() };
        if !refuses {
            deposit(&store, 1, 10).await;
        }
        *WHILE_LOADING.lock().unwrap() = Some(Box::new({
            let first = first.command_id(id);
            move || drop(meanwhile(async { first.await.unwrap() }))
        }));
        let decide = move |account: &Raced| match account.0.decide(&withdraw()) {
            Err(_) if !refuses => Ok(Vec::new()),
            decided => decided,
        };
        let second = store.decide(stream("account-1"), decide).command_id(id).await.unwrap();
        assert!(second.repeated);
        assert_eq!(second.events, [Bank::Withdrawn { account: 1, amount: 10 }]);
        assert_eq!(balance(&store, 1).await, 0);
    }
}

/// Two tries of one command that decided differently met in the append, whose answer was that the id is in
/// use, or that of the shorter try.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_carried_out_by_somebody_else_meanwhile_has_the_events_that_were_recorded() {
    let store = EventStore::connect("memory:").await.unwrap();
    deposit(&store, 1, 100).await;
    let deposited = |amount| Bank::Deposited { account: 1, amount };
    for (n, (theirs, ours)) in [
        (vec![deposited(1)], vec![deposited(2)]),
        (vec![deposited(1), deposited(2)], vec![deposited(1)]),
        (vec![deposited(1)], vec![deposited(1), deposited(2)]),
    ]
    .into_iter()
    .enumerate()
    {
        let id: CommandId = format!("deposit-{n}").parse().unwrap();
        let (other, recorded) = (store.clone(), theirs.clone());
        let late = move |_: &Account| {
            let theirs = theirs.clone();
            let first = other
                .decide(stream::<Account>("account-1"), move |_| Ok::<_, ()>(theirs.clone()))
                .command_id(id);
            meanwhile(async { first.await.unwrap() });
            Ok::<_, ()>(ours.clone())
        };
        let second = store.decide(stream::<Account>("account-1"), late).command_id(id).await.unwrap();
        assert!(second.repeated);
        assert_eq!(second.events, recorded);
    }
}

/// What is folded from the same stream twice was read at two versions, and the append, which expected both,
/// was called invalid and not decided again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_moves_while_a_decision_reads_it_twice_is_decided_on_again() {
    let store = EventStore::connect("memory:").await.unwrap();
    deposit(&store, 1, 10).await;
    let (started, last) = (store.clone(), AtomicU32::new(0));
    let first_loaded = stream::<Account>("account-1");
    let second_loaded = stream::<Moved>("account-1");
    *WHILE_MOVING.lock().unwrap() =
        Some(Box::new(move || meanwhile(async move { deposit(&started, 1, 1).await })));
    let decide = move |(once, twice): &(Account, Moved)| {
        last.fetch_add(1, Ordering::Relaxed);
        assert!(last.load(Ordering::Relaxed) == 1 || once.balance == twice.0.balance);
        Ok::<_, ()>([Bank::Withdrawn { account: 1, amount: once.balance }])
    };
    let decided = store.decide((first_loaded, second_loaded), decide).await.unwrap();
    assert_eq!((decided.attempts, balance(&store, 1).await), (2, 0));
}

/// What somebody else does while a [`Moved`] is loaded.
static WHILE_MOVING: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

/// As [`Raced`], for a test of its own.
struct Moved(Account);

impl Default for Moved {
    fn default() -> Self {
        if let Some(act) = WHILE_MOVING.lock().unwrap().take() {
            act();
        }
        Self(Account::default())
    }
}

impl State for Moved {
    type Event = Bank;

    fn evolve(&mut self, event: &Bank) {
        self.0.evolve(event);
    }
}

#[tokio::test]
async fn a_command_id_that_another_command_has_used_is_refused() {
    let (store, _dir) = sqlite().await;
    deposit(&store, 1, 10).await;
    deposit(&store, 2, 10).await;
    let id: CommandId = "the-same".parse().unwrap();
    let withdraw = |account| {
        let command = Command::Withdraw { account, amount: 1 };
        store.execute::<Account>(format!("account-{account}"), command).command_id(id)
    };
    withdraw(1).await.unwrap();
    match withdraw(2).await.unwrap_err() {
        DecideError::Store(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains("\"account-1\""), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((balance(&store, 1).await, balance(&store, 2).await), (9, 10));
}

#[tokio::test]
async fn a_decision_writes_only_to_streams_it_has_read() {
    let (store, _dir) = sqlite().await;
    let elsewhere = |_: &Account| Ok::<_, ()>([Bank::Opened { account: 2 }]);
    match store.decide(stream::<Account>("account-1"), elsewhere).await.unwrap_err() {
        DecideError::Store(error) => assert!(error.to_string().contains("has not read"), "{error}"),
        other => panic!("{other:?}"),
    }
    // A query is not about streams, so what it guards may go anywhere.
    store.decide(query::<Account>(of_account(2)), elsewhere).await.unwrap();
    assert_eq!(store.head().await.unwrap().position.0, 1);
}

#[tokio::test]
async fn a_decision_may_borrow_what_is_around_it() {
    async fn handler(store: &EventStore, account: u32, limit: &str) -> Result<(), DecideError<String>> {
        let open = |_: &Account| {
            if limit == "none" { Err(limit.to_owned()) } else { Ok([Bank::Opened { account }]) }
        };
        store.decide(stream::<Account>(format!("account-{account}")), open).await.map(drop)
    }
    let (store, _dir) = sqlite().await;
    handler(&store, 1, "some").await.unwrap();
    assert!(matches!(handler(&store, 1, "none").await, Err(DecideError::Refused(_))));
}
