//! Connections that are cut in mid-append (rule 18).

use std::sync::Arc;
use std::time::Duration;

use annals::Options;
use annals::prelude::*;

use super::{open, server, unique, with};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn appends_through_a_connection_that_is_cut_again_and_again_are_written_once() {
    let Some(server) = server() else { return };
    let namespace = format!("cut_{}", unique());
    let direct_url = with(&server, &format!("namespace={namespace}"));
    // Made in peace, so that only appends are cut.
    let direct = EventStore::connect(&direct_url).await.unwrap();
    let proxy = Proxy::before(&server).await;
    let (login, place) = direct_url.rsplit_once('@').unwrap();
    let through = format!("{login}@127.0.0.1:{}/{}", proxy.port, place.split_once('/').unwrap().1);
    // Without encryption a message is what the client sent at once.
    let backend = open(&format!("{through}&sslmode=disable")).await.unwrap();
    let options = Options { deadline: Duration::from_secs(120), ..Options::default() };
    let store = EventStore::new(Arc::new(backend), options);
    println!("{}", proxy.cut(4, &store, &direct).await);
    direct.backend().drop_namespace().await.unwrap();
}
