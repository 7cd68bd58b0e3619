//! Events whose shapes change: chains, retired types, the lock file, and stores that refuse what is not in it.

use annals::evolution::{CodeSchemas, Lock, Registered, Registry};
use annals::prelude::*;
use annals::{ErrorKind, JsonText, Options, RecordedEvent};
use schemars::JsonSchema;

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(schema, retired = "account-frozen", retired = "account-thawed")]
#[serde(rename_all = "snake_case")]
enum Bank {
    #[event(schema_version = 3, upcast(1 -> 2 = with_currency, 2 = in_cents))]
    #[serde(rename_all = "camelCase")]
    Deposited {
        cents: u64,
        currency_code: String,
    },
    #[event(rename = "account-closed", alias = "closed", alias = "ended")]
    Closed(Closed),
    #[event(schema_version = 2, upcast(1 = kept_if_named))]
    Renamed {
        name: String,
    },
    Audited,
}

#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
struct Closed {
    reason: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct DepositedV1 {
    amounts: Vec<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct DepositedV2 {
    amount: u64,
    currency: String,
}

#[derive(Deserialize, JsonSchema)]
struct RenamedV1 {
    name: Option<String>,
}

fn with_currency(old: DepositedV1) -> Vec<DepositedV2> {
    old.amounts.into_iter().map(|amount| DepositedV2 { amount, currency: "EUR".into() }).collect()
}

fn in_cents(old: DepositedV2) -> Bank {
    Bank::Deposited { cents: old.amount * 100, currency_code: old.currency }
}

fn kept_if_named(old: RenamedV1) -> Option<Bank> {
    old.name.map(|name| Bank::Renamed { name })
}

#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(schema)]
struct Noted {
    #[serde(default)]
    text: String,
}

annals::schema_lock!(Bank, Noted => "tests/it/evolution.lock.json");

fn new(event_type: &str, schema_version: u32, json: &str) -> NewEvent {
    let mut event = NewEvent::new(event_type.try_into().unwrap(), JsonText::parse(json).unwrap());
    event.schema_version = schema_version;
    event
}

async fn stored(event_type: &str, schema_version: u32, json: &str) -> RecordedEvent {
    let store = EventStore::connect("memory:").await.unwrap();
    store.append("s", Expected::Any, [new(event_type, schema_version, json)]).await.unwrap();
    store.read_all().collect().await.unwrap().remove(0)
}

#[tokio::test]
async fn an_old_event_goes_through_every_step_and_becomes_one_or_several_or_none() {
    let deposited = |cents| Bank::Deposited { cents, currency_code: "EUR".into() };
    let first = stored("deposited", 1, r#"{"amounts":[1,2]}"#).await;
    assert_eq!(Bank::decode(&first).unwrap(), Decoded::Many(vec![deposited(100), deposited(200)]));
    let second = stored("deposited", 2, r#"{"amount":3,"currency":"EUR"}"#).await;
    assert_eq!(Bank::decode(&second).unwrap(), Decoded::One(deposited(300)));
    let named = stored("renamed", 1, r#"{"name":"ada"}"#).await;
    assert_eq!(Bank::decode(&named).unwrap(), Decoded::One(Bank::Renamed { name: "ada".into() }));
    let unnamed = stored("renamed", 1, "{}").await;
    assert_eq!(Bank::decode(&unnamed).unwrap(), Decoded::Many(vec![]));
    let retired = stored("account-frozen", 7, r#"[1]"#).await;
    assert_eq!(Bank::decode(&retired).unwrap(), Decoded::Many(vec![]));
    assert_eq!(Bank::retired(), ["account-frozen", "account-thawed"]);
    let closed = stored("ended", 1, "{}").await;
    assert_eq!(Bank::decode(&closed).unwrap(), Decoded::One(Bank::Closed(Closed { reason: None })));
}

fn code() -> CodeSchemas {
    let mut code = CodeSchemas::default();
    code.add::<Bank>();
    code.add::<Noted>();
    code
}

/// The lock of the code, and the same with one text in it replaced.
fn lock_with(old: &str, new: &str) -> Lock {
    let text = code().compare(&Lock::default()).next.to_text();
    assert!(text.contains(old), "{old} in {text}");
    Lock::parse(&text.replacen(old, new, 1)).unwrap()
}

fn breaking(lock: &Lock) -> Vec<String> {
    code().compare(lock).breaking.iter().map(ToString::to_string).collect()
}

#[test]
fn the_lock_holds_every_version_as_serde_writes_it() {
    let lock = code().compare(&Lock::default()).next;
    let shape = |event_type: &str, version| lock.shapes(event_type, version)[0].to_string();
    assert!(shape("deposited", 3).contains("currencyCode"), "{}", shape("deposited", 3));
    assert!(shape("deposited", 2).contains("amount"));
    assert!(shape("deposited", 1).contains("amounts"));
    assert!(shape("account-closed", 1).contains("reason"));
    assert_eq!(shape("audited", 1), r#"{"type":"object"}"#);
    assert_eq!(lock.types(), 5);
    assert_eq!(lock.check(None), []);
}

#[test]
fn a_breaking_change_names_type_version_field_and_what_is_missing() {
    let told = breaking(&lock_with("\"currencyCode\": {", "\"currency\": {"));
    assert_eq!(
        told,
        [
            "\"deposited\" version 3: field `currencyCode`: was anything, is text; give the new shape a version \
          of its own, `schema_version = 4, upcast(3 = function)`, where the function takes the old shape; or make the \
          change one that reads it, such as an optional field"
        ],
    );
    let told = breaking(&lock_with("\"amounts\"\n", "\"other\"\n"));
    let stays = "the type that `upcast(1 = …)` takes has to stay as version 1 was written";
    assert!(
        told[0].contains("field `amounts`: is required, and was optional") && told[0].contains(stays),
        "{told:?}"
    );
    let told = breaking(&lock_with("\"noted\": {", "\"gone\": {"));
    assert!(told[0].contains("\"gone\" version 1: no event reads this type any more"), "{told:?}");
    assert!(told[0].contains("add `alias = \"gone\"`") && told[0].contains("retired = \"gone\""), "{told:?}");
    assert_eq!(breaking(&lock_with("\"noted\": {", "\"ended\": {")).len(), 0, "a name of before is read");
    assert_eq!(breaking(&lock_with("\"noted\": {", "\"account-frozen\": {")).len(), 0, "retired");
    let told = breaking(&lock_with("\"3\": [", "\"4\": ["));
    assert!(told[0].contains("version 4: the code writes version 3, which is older"), "{told:?}");
}

#[test]
fn every_shape_a_version_had_stays_and_is_looked_at() {
    let lock = lock_with("\"text\": {", "\"words\": {");
    let after = code().compare(&lock);
    assert_eq!(after.breaking, []);
    let changes: Vec<String> = after.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["\"noted\" version 1: a change that breaks nothing"]);
    assert_eq!(after.next.shapes("noted", 1).len(), 2);
    assert_eq!(code().compare(&after.next).changes, []);
}

#[test]
fn the_file_is_written_only_where_that_was_said_and_nothing_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.lock.json");
    let error = code().compare_with_file(&file, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("run the test with ANNALS_UPDATE_LOCK=1"), "{error}");
    assert!(!file.exists());
    code().compare_with_file(&file, true).unwrap();
    code().compare_with_file(&file, false).unwrap();
    let broken = lock_with("\"noted\": {", "\"gone\": {").to_text();
    std::fs::write(&file, &broken).unwrap();
    let error = code().compare_with_file(&file, true).unwrap_err();
    assert!(error.to_string().contains("could not be read:\n  \"gone\" version 1"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
}

#[tokio::test]
async fn a_store_refuses_what_is_not_registered() {
    let registry = Registry::of(&code().compare(&Lock::default()).next);
    let open = |registry: Registry| async {
        let options = Options { registry: Some(registry), ..Options::default() };
        EventStore::connect_with("memory:", options).await.unwrap()
    };
    let store = open(registry.clone()).await;
    let refused = |event_type, version| {
        let (store, event) = (store.clone(), new(event_type, version, r#"{"text":"s3cret"}"#));
        async move { store.append("s", Expected::Any, [event]).await.unwrap_err() }
    };
    let error = refused("unheard-of", 1).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("\"unheard-of\", schema version 1: the type is not registered"),
        "{error}"
    );
    let error = refused("deposited", 9).await;
    assert!(error.to_string().contains("schema version 9: the version is not registered"), "{error}");
    store.append("s", Expected::Any, [new("deposited", 1, "{}"), new("noted", 1, "{}")]).await.unwrap();

    let store = open(registry.clone().with_payloads()).await;
    let event = new("deposited", 2, r#"{"amount":"s3cret","currency":"EUR"}"#);
    let error = store.append("s", Expected::Any, [event.clone()]).await.unwrap_err().to_string();
    assert!(
        error.contains("does not fit at \"amount\", expected a whole number") && !error.contains("s3cret"),
        "{error}"
    );
    assert!(matches!(registry.judge("deposited", 2, &event.payload), Registered::Misfit { .. }));
    let good = Bank::Deposited { cents: 1, currency_code: "EUR".into() }.to_new_event().unwrap();
    store.append("s", Expected::Any, [good]).await.unwrap();
    assert_eq!(store.stats().await.unwrap().events, 1);
}
