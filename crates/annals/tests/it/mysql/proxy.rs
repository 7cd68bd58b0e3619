//! Connections that are cut in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals::prelude::*;
use annals::{Append, Error, ErrorKind, Options};

use super::{SHARED, noted, open, servers, unique};
use crate::proxy::{Proxy, guarded};

fn through(proxy: &Proxy, namespace: &str) -> String {
    format!("mysql://root@127.0.0.1:{}/annals?sslmode=disable&namespace={namespace}", proxy.port)
}

async fn store(url: &str, deadline: Duration) -> EventStore {
    EventStore::new(Arc::new(open(url).await), Options { deadline, ..Options::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    for (variable, server) in servers(SHARED) {
        let proxy = Proxy::before(&server).await;
        let namespace = format!("cut_{}", unique());
        let store = store(&through(&proxy, &namespace), Duration::from_secs(60)).await;
        let direct = EventStore::connect(&format!("{server}?namespace={namespace}")).await.unwrap();
        println!("{variable}: {}", proxy.cut(4, &store, &direct).await);
        direct.backend().drop_namespace().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_before_the_deadline_is_indeterminate_and_repeating_converges() {
    for (_, server) in servers(SHARED) {
        // What the procedure is called with, and the end of a transaction.
        for (words, condition) in [("\"t\":\"noted\"", false), ("\nCOMMIT", true)] {
            let proxy = Proxy::before(&server).await;
            let url = through(&proxy, &format!("lost_{}", unique()));
            let store = store(&url, Duration::from_millis(300)).await;
            store.append("s", Expected::NoStream, [noted(0)]).await.unwrap();
            let mut append = Append::to("s".parse().unwrap(), Expected::version(1), [noted(1)]);
            if condition {
                append = guarded(append);
            }
            *proxy.fate.behind.lock().unwrap() = Some(words);
            let fate = proxy.fate.clone();
            let dying = tokio::spawn(async move {
                while fate.cut_behind.load(Ordering::Relaxed) == 0 {
                    tokio::task::yield_now().await;
                }
                fate.dead.store(true, Ordering::Relaxed);
            });
            let unknown: Error = store.append_one(append.clone()).await.unwrap_err();
            dying.await.unwrap();
            assert_eq!(unknown.kind(), ErrorKind::Indeterminate, "{words}: {unknown}");

            // Nothing goes through, and this append never did: it is known that nothing was written.
            let other = store.append("other", Expected::Any, [noted(2)]).await.unwrap_err();
            assert_eq!(other.kind(), ErrorKind::Unavailable, "{other}");

            proxy.fate.dead.store(false, Ordering::Relaxed);
            let found = store.append_one(append).await.unwrap();
            assert_eq!((found.version().0, found.duplicate), (2, true), "{words}");
            assert_eq!(store.stats().await.unwrap().events, 2);
            store.backend().drop_namespace().await.unwrap();
        }
    }
}
