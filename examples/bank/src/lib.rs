//! A bank account: open, deposit, withdraw and transfer, one function a command.
#![allow(missing_docs, reason = "the names say it")]

use annals::prelude::*;
use annals::{DecideError, Decided};

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(stream = "account-{account}")]
pub enum Bank {
    Opened { account: String, owner: String },
    Deposited { account: String, amount: u64 },
    Withdrawn { account: String, amount: u64 },
}

#[derive(Default, Debug)]
pub struct Account {
    open: bool,
    balance: u64,
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
pub enum Refused {
    AlreadyOpen,
    NotOpen,
    Insufficient { balance: u64 },
}

type Decision = Result<Vec<Bank>, Refused>;

pub fn open(to: &Account, account: &str, owner: &str) -> Decision {
    if to.open {
        return Err(Refused::AlreadyOpen);
    }
    Ok(vec![Bank::Opened { account: account.into(), owner: owner.into() }])
}

pub fn deposit(to: &Account, account: &str, amount: u64) -> Decision {
    if !to.open {
        return Err(Refused::NotOpen);
    }
    Ok(vec![Bank::Deposited { account: account.into(), amount }])
}

pub fn withdraw(from: &Account, account: &str, amount: u64) -> Decision {
    match from {
        Account { open: false, .. } => Err(Refused::NotOpen),
        Account { balance, .. } if amount > *balance => Err(Refused::Insufficient { balance: *balance }),
        _ => Ok(vec![Bank::Withdrawn { account: account.into(), amount }]),
    }
}

pub fn transfer((from, to): &(Account, Account), ids: (&str, &str), amount: u64) -> Decision {
    Ok([withdraw(from, ids.0, amount)?, deposit(to, ids.1, amount)?].concat())
}

pub async fn run(store: &EventStore) -> Result<Decided<Bank>, DecideError<Refused>> {
    for id in ["1", "2"] {
        store.decide(stream(format!("account-{id}")), move |a| open(a, id, "ada")).await?;
    }
    store.decide(stream("account-1"), |a| deposit(a, "1", 100)).await?;
    store.decide(stream("account-1"), |a| withdraw(a, "1", 30)).await?;
    store.decide((stream("account-1"), stream("account-2")), |a| transfer(a, ("1", "2"), 50)).await
}
