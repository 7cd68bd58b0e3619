//! Connections that are cut in mid-append (rule 18).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use annals::prelude::*;
use annals::{Append, Condition, Error, ErrorKind, Options, Position};

use super::{POSTGRES, noted, server, unique};
use crate::proxy::Proxy;

fn url(proxy: &Proxy, options: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{}/annals?sslmode=disable&{options}", proxy.port)
}

async fn store(url: &str, deadline: Duration) -> EventStore {
    let backend = super::open(&url.parse().unwrap()).await;
    EventStore::new(Arc::new(backend), Options { deadline, ..Options::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    let Some(server) = server(POSTGRES) else { return };
    let proxy = Proxy::before(&server).await;
    let namespace = format!("namespace=cut_{}", unique());
    let through = store(&url(&proxy, &namespace), Duration::from_secs(60)).await;
    let direct = EventStore::connect(&format!("{server}?{namespace}")).await.unwrap();
    println!("{}", proxy.cut(10, &through, &direct).await);
    direct.backend().drop_namespace().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_before_the_deadline_is_indeterminate_and_repeating_converges() {
    let Some(server) = server(POSTGRES) else { return };
    for (words, condition) in [("append_batch", false), ("COMMIT\0", true)] {
        let proxy = Proxy::before(&server).await;
        let url = url(&proxy, &format!("namespace=lost_{}", unique()));
        let store = store(&url, Duration::from_millis(300)).await;
        store.append("s", Expected::NoStream, [noted(0)]).await.unwrap();
        let mut append = Append::to("s".parse().unwrap(), Expected::version(1), [noted(1)]);
        if condition {
            let never = Query::types(["never".parse().unwrap()]);
            append = append.when(Condition { query: never, after: Position(0) });
        }
        let again = |append: &Append| store.append_all(vec![append.clone()]);

        *proxy.fate.behind.lock().unwrap() = Some(words);
        let fate = proxy.fate.clone();
        let dying = tokio::spawn(async move {
            while fate.cut_behind.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            fate.dead.store(true, Ordering::Relaxed);
        });
        let unknown: Error = again(&append).await.pop().unwrap().unwrap_err();
        dying.await.unwrap();
        assert_eq!(unknown.kind(), ErrorKind::Indeterminate, "{words}: {unknown}");

        // Nothing goes through, and this append never did: it is known that nothing was written.
        let other = store.append("other", Expected::Any, [noted(2)]).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unavailable, "{other}");

        proxy.fate.dead.store(false, Ordering::Relaxed);
        let found = again(&append).await.pop().unwrap().unwrap();
        assert_eq!((found.version().0, found.duplicate), (2, true), "{words}");
        assert_eq!(store.stats().await.unwrap().events, 2);
        store.backend().drop_namespace().await.unwrap();
    }
}

/// What stands between cannot be told from a pooler, so nothing is kept prepared unless the URL says so.
#[tokio::test(flavor = "multi_thread")]
async fn statements_are_kept_prepared_as_the_url_says() {
    let Some(server) = server(POSTGRES) else { return };
    for (prepared, parsed_again) in [("auto", true), ("no", true), ("yes", false)] {
        let proxy = Proxy::before(&server).await;
        let url = url(&proxy, &format!("prepared={prepared}&namespace=kept_{}", unique()));
        let store = store(&url, Duration::from_secs(10)).await;
        store.append("s", Expected::Any, [noted(0)]).await.unwrap();
        let once = proxy.fate.parsed.load(Ordering::Relaxed);
        for n in 1..5 {
            store.append("s", Expected::Any, [noted(n)]).await.unwrap();
        }
        let parsed = proxy.fate.parsed.load(Ordering::Relaxed) - once;
        assert_eq!(parsed > 0, parsed_again, "prepared={prepared}: {parsed} statements parsed again");
        store.backend().drop_namespace().await.unwrap();
    }
}
