//! Logging in: TLS as the URL asks for it, and passwords that nobody gets to see.

use std::error::Error as _;

use annals::prelude::*;
use annals::{Error, ErrorKind, StoreUrl};

use super::{POSTGRES, client, server, unique};

/// An error with everything that is beneath it, as a log has it.
fn whole(error: &Error) -> String {
    let mut told = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(&format!(": {error} {error:?}"));
        cause = error.source();
    }
    told
}

/// Whether the session that a store has just used is encrypted.
async fn encrypted(server: &str, url: &str) -> Result<bool, Error> {
    let namespace = format!("tls_{}", unique());
    let mark = if url.contains('?') { '&' } else { '?' };
    let store = EventStore::connect(&format!("{url}{mark}namespace={namespace}")).await?;
    let sql =
        "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.query LIKE $1";
    let like = format!("%{namespace}%");
    let ssl = client(server).await.query_one(sql, &[&like]).await.unwrap().get(0);
    store.backend().drop_namespace().await.unwrap();
    Ok(ssl)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_strict_as_the_url_says() {
    let Some(server) = server(POSTGRES) else { return };
    let Ok(authority) = std::env::var("ANNALS_POSTGRES_CA") else { return };
    let stranger = authority.replace("ca.pem", "other-ca.pem");
    let named = server.replace("127.0.0.1", "localhost");
    for (url, expected) in [
        (format!("{server}?sslmode=disable"), false),
        (server.clone(), true),
        (format!("{server}?sslmode=prefer"), true),
        (format!("{server}?sslmode=require"), true),
        (format!("{named}?sslmode=verify-full&sslrootcert={authority}"), true),
    ] {
        assert_eq!(encrypted(&server, &url).await.unwrap(), expected, "{url}");
    }
    for (url, named) in [
        // The certificate is for another name.
        (format!("{server}?sslmode=verify-full&sslrootcert={authority}"), "NotValidForName"),
        (format!("{named}?sslmode=verify-full&sslrootcert={stranger}"), "UnknownIssuer"),
        (format!("{named}?sslmode=verify-full"), "sslrootcert"),
        (format!("{named}?sslmode=verify-full&sslrootcert=/nowhere.pem"), "/nowhere.pem"),
    ] {
        let refused = encrypted(&server, &url).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{}", whole(&refused));
        assert!(whole(&refused).contains(named), "{url}: {}", whole(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_told_to_the_server_and_to_nobody_else() {
    const ROLE: &str = "with_password";
    let Some(server) = server(POSTGRES) else { return };
    let client = client(&server).await;
    // A password with everything that a URL has to encode.
    client
        .batch_execute(&format!(
            "DO $$ BEGIN CREATE ROLE {ROLE} LOGIN PASSWORD 's3cr:t@/?#%é'; EXCEPTION WHEN duplicate_object THEN END $$; \
             GRANT CREATE ON DATABASE annals TO {ROLE}"
        ))
        .await
        .unwrap();
    let url = |password: &str, rest: &str| {
        let place = server.rsplit_once('@').unwrap().1;
        format!("postgres://{ROLE}:{password}@{place}?namespace=login_{}{rest}", unique())
    };
    let right = "s3cr%3At%40%2F%3F%23%25%C3%A9";
    let store = EventStore::connect(&url(right, "")).await.unwrap();
    for shown in [format!("{store:?}"), format!("{:?}", store.backend())] {
        assert!(!shown.contains("s3cr"), "{shown}");
    }
    store.backend().drop_namespace().await.unwrap();

    for (url, kind) in [
        (url("s3cr-wrong", ""), ErrorKind::Invalid),
        (url("s3cr%zz", ""), ErrorKind::Invalid),
        (url("s3cr-wrong", "&sslmode=verify-ca"), ErrorKind::Invalid),
        (url("s3cr-wrong", "&nonsense=1"), ErrorKind::Invalid),
        (url("s3cr-wrong", "").replacen("//", "", 1), ErrorKind::Invalid),
        (url("s3cr-wrong", "").replace("127.0.0.1", "127.0.0.1:1:2"), ErrorKind::Invalid),
        (url("s3cr-wrong", "").replace("127.0.0.1", "no-such-host.invalid"), ErrorKind::Unavailable),
    ] {
        let error = EventStore::connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!whole(&error).contains("s3cr"), "{}", whole(&error));
        if let Ok(url) = url.parse::<StoreUrl>() {
            assert!(!format!("{url} {url:?}").contains("s3cr"), "{url:?}");
        }
    }
    let suite = annals::testing::conformance::Urls::new(url("s3cr-wrong", "")).unwrap_err();
    assert!(!whole(&suite).contains("s3cr"), "{suite}");
}
