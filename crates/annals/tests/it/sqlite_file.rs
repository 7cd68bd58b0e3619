//! What else happens to an SQLite file while a store is open on it.

use annals::prelude::*;
use annals::{ErrorKind, Options};

use crate::url;

fn event(n: u32) -> NewEvent {
    NewEvent::json("noted", &n).unwrap()
}

/// A namespace that was dropped and made again is another store; a handle of the first wrote on, without the
/// second's hash chain and under the first's name.
#[tokio::test]
async fn a_handle_of_a_dropped_namespace_is_finished_even_when_there_is_a_new_one_of_that_name() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { deadline: std::time::Duration::from_millis(50), ..Options::default() };
    let shop = format!("{}?namespace=shop", url(&dir));
    let old = EventStore::connect_with(&shop, options).await.unwrap();
    old.append("s", Expected::Any, [event(1)]).await.unwrap();
    let dropping = EventStore::connect(&shop).await.unwrap();
    dropping.backend().drop_namespace().await.unwrap();
    for again in [false, true] {
        if again {
            let new = EventStore::connect(&format!("{shop}&hash_chain=annals-v1")).await.unwrap();
            new.append("s", Expected::Any, [event(2)]).await.unwrap();
        }
        let refused = old.append("s", Expected::Any, [event(3)]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
        let refused = old.head().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
        let refused = old.read_all().collect().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed, "{refused}, made again: {again}");
    }
    let new = EventStore::connect(&shop).await.unwrap();
    assert_eq!(new.stats().await.unwrap().events, 1);
}
