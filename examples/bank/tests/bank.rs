//! The rules of the bank, without a store and with one.

use annals::testing::spec::{given, given_for};
use annals::{DecideError, EventStore, stream};
use bank::{Account, Bank, Refused, open, run, transfer, withdraw};

fn opened(account: &str) -> Bank {
    Bank::Opened { account: account.into(), owner: "ada".into() }
}

fn deposited(account: &str, amount: u64) -> Bank {
    Bank::Deposited { account: account.into(), amount }
}

fn withdrawn(account: &str, amount: u64) -> Bank {
    Bank::Withdrawn { account: account.into(), amount }
}

#[test]
fn an_account_is_opened_once() {
    given::<Account>([]).when_deciding(|a| open(a, "1", "ada")).then([opened("1")]);
    given::<Account>([opened("1")]).when_deciding(|a| open(a, "1", "bo")).rejected(Refused::AlreadyOpen);
}

#[test]
fn nobody_withdraws_what_is_not_there() {
    given::<Account>([opened("1"), deposited("1", 10), withdrawn("1", 3)])
        .when_deciding(|a| withdraw(a, "1", 8))
        .rejected(Refused::Insufficient { balance: 7 });
}

#[test]
fn a_transfer_is_one_decision_over_two_accounts() {
    let accounts = || (stream("account-1"), stream("account-2"));
    given_for(accounts(), [opened("1"), opened("2"), deposited("1", 10)])
        .when_deciding(|a| transfer(a, ("1", "2"), 4))
        .then([withdrawn("1", 4), deposited("2", 4)]);
    given_for(accounts(), [opened("1"), deposited("1", 10)])
        .when_deciding(|a| transfer(a, ("1", "2"), 4))
        .rejected(Refused::NotOpen);
}

#[tokio::test]
async fn the_bank_runs_on_a_store() {
    let store = EventStore::connect("memory:").await.unwrap();
    let done = run(&store).await.unwrap();
    assert_eq!(done.events, [withdrawn("1", 50), deposited("2", 50)]);
    let refused = store.decide(stream("account-2"), |a| withdraw(a, "2", 51)).await.unwrap_err();
    assert!(matches!(refused, DecideError::Refused(Refused::Insufficient { balance: 50 })), "{refused:?}");
}
