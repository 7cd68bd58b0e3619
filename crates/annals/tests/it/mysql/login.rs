//! Logging in: TLS as the URL asks for it, and passwords that nobody gets to see.

use std::error::Error as _;

use annals::mysql::mysql_async::prelude::Queryable as _;
use annals::prelude::*;
use annals::{Error, ErrorKind, StoreUrl};

use super::{Place, SHARED, servers, unique};

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

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_as_strict_as_the_url_says() {
    for (variable, server) in servers(SHARED) {
        let Ok(authority) = std::env::var(format!("{variable}_CA")) else { return };
        let mut place = Place::on(&server).await;
        let role = format!("t_{}", unique());
        // An account that gets in only through TLS tells whether there is any.
        let grant =
            format!("CREATE USER {role} IDENTIFIED BY 'pw' REQUIRE SSL; GRANT ALL ON annals.* TO {role}");
        place.conn.query_drop(grant).await.unwrap();
        let stranger = authority.replace("ca.pem", "other-ca.pem");
        let numbered = place.url.replace("root@", &format!("{role}:pw@"));
        let named = numbered.replace("127.0.0.1", "localhost");
        for url in [
            numbered.clone(),
            format!("{numbered}&sslmode=prefer"),
            format!("{numbered}&sslmode=require"),
            format!("{named}&sslmode=verify-full&sslrootcert={authority}"),
        ] {
            let store = EventStore::connect(&url).await.unwrap();
            store.append("s", Expected::Any, [super::noted(1)]).await.unwrap();
        }
        for (url, told) in [
            (format!("{numbered}&sslmode=disable"), "denied"),
            // The certificate is for another name.
            (format!("{numbered}&sslmode=verify-full&sslrootcert={authority}"), "NotValidForName"),
            (format!("{named}&sslmode=verify-full&sslrootcert={stranger}"), "UnknownIssuer"),
            (format!("{named}&sslmode=verify-full"), "sslrootcert"),
            (format!("{named}&sslmode=verify-full&sslrootcert=/nowhere.pem"), "/nowhere.pem"),
        ] {
            let refused = EventStore::connect(&url).await.unwrap_err();
            assert!(whole(&refused).contains(told), "{variable}: {url}: {}", whole(&refused));
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{variable}: {url}: {}", whole(&refused));
        }
        let plain = EventStore::connect(&format!("{}&sslmode=disable", place.url)).await.unwrap();
        assert_eq!(plain.stats().await.unwrap().events, 4);
        place.conn.query_drop(format!("DROP USER {role}")).await.unwrap();
        place.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_told_to_the_server_and_to_nobody_else() {
    for (_, server) in servers(SHARED) {
        let mut place = Place::on(&server).await;
        let role = format!("p_{}", unique());
        // A password with everything that a URL has to encode.
        let grant =
            format!("CREATE USER {role} IDENTIFIED BY 's3cr:t@/?#%é'; GRANT ALL ON annals.* TO {role}");
        place.conn.query_drop(grant).await.unwrap();
        let url = |password: &str, rest: &str| {
            let address = place.url.rsplit_once('@').unwrap().1;
            format!("mysql://{role}:{password}@{address}{rest}")
        };
        let right = "s3cr%3At%40%2F%3F%23%25%C3%A9";
        // Without TLS the server wants it encrypted by its own key.
        for mode in ["", "&sslmode=disable"] {
            let store = EventStore::connect(&url(right, mode)).await.unwrap();
            store.append("s", Expected::Any, [super::noted(1)]).await.unwrap();
            for shown in [format!("{store:?}"), format!("{:?}", store.backend())] {
                assert!(!shown.contains("s3cr"), "{shown}");
            }
        }
        for (url, kind) in [
            (url("s3cr-wrong", ""), ErrorKind::Invalid),
            (url("s3cr%zz", ""), ErrorKind::Invalid),
            (url("s3cr-wrong", "&sslmode=verify-ca"), ErrorKind::Invalid),
            (url("s3cr-wrong", "&nonsense=1"), ErrorKind::Invalid),
            (url("s3cr-wrong", "&prefix=Big"), ErrorKind::Invalid),
            (url("s3cr-wrong", "").replacen("//", "", 1), ErrorKind::Invalid),
            (url("s3cr-wrong", "").replace("/annals?", "/no_such_database?"), ErrorKind::Invalid),
            (url("s3cr-wrong", "").replace("/annals?", "?"), ErrorKind::Invalid),
            (url("s3cr-wrong", "").replace("127.0.0.1", "no-such-host.invalid"), ErrorKind::Unavailable),
        ] {
            let error = EventStore::connect(&url).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{}", whole(&error));
            assert!(!whole(&error).contains("s3cr"), "{}", whole(&error));
            if let Ok(url) = url.parse::<StoreUrl>() {
                assert!(!format!("{url} {url:?}").contains("s3cr"), "{url:?}");
            }
        }
        place.conn.query_drop(format!("DROP USER {role}")).await.unwrap();
        place.finish().await;
    }
}
