//! A bank account: open, deposit, withdraw and transfer, one function a command.
#![allow(missing_docs, reason = "the names say it")]

use annals::prelude::*;

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
    let opened = Bank::Opened { account: account.into(), owner: owner.into() };
    if to.open { Err(Refused::AlreadyOpen) } else { Ok(vec![opened]) }
}

pub fn deposit(to: &Account, account: &str, amount: u64) -> Decision {
    let deposited = Bank::Deposited { account: account.into(), amount };
    if to.open { Ok(vec![deposited]) } else { Err(Refused::NotOpen) }
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
    store.decide(stream("account-1"), |a| open(a, "1", "ada")).await?;
    store.decide(stream("account-2"), |a| open(a, "2", "bob")).await?;
    store.decide(stream("account-1"), |a| deposit(a, "1", 100)).await?;
    store.decide(stream("account-1"), |a| withdraw(a, "1", 30)).await?;
    store.decide((stream("account-1"), stream("account-2")), |a| transfer(a, ("1", "2"), 50)).await
}
