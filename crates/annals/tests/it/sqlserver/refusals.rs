//! What errors, lost connections and strangers mean to the caller, by number and by what happened, never by the
//! text of a message.

use std::sync::Arc;
use std::time::Duration;

use annals::backend::Backend as _;
use annals::prelude::*;
use annals::sqlserver::SqlServerStore;
use annals::{Append, Appended, ErrorKind, Options, Result, StoreUrl};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::mock::{Answer, Mock, Value};
use super::{noted, open};

async fn append(store: &SqlServerStore) -> Result<Appended> {
    let append = Append::to("s".parse().unwrap(), Expected::Any, [noted(1)]);
    store.append(Arc::from([append])).await?.pop().unwrap()
}

#[tokio::test]
async fn an_error_of_an_append_means_what_its_number_says() {
    let mock = Mock::with_a_store().await;
    let store = open(&mock.url()).await.unwrap();
    for (number, kind) in [
        (1205, ErrorKind::Unavailable),
        (1222, ErrorKind::Unavailable),
        (51222, ErrorKind::Unavailable),
        (3960, ErrorKind::Unavailable),
        (3906, ErrorKind::Unavailable),
        (9002, ErrorKind::Unavailable),
        (229, ErrorKind::Invalid),
        (208, ErrorKind::Closed),
        (2812, ErrorKind::Closed),
        (824, ErrorKind::Corrupt),
        // The session was ended, perhaps behind the commit; and what nobody has listed.
        (596, ErrorKind::Indeterminate),
        (40613, ErrorKind::Indeterminate),
        (50_000, ErrorKind::Indeterminate),
    ] {
        mock.when("[append]", [Answer::Error(number)]);
        let error = append(&store).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{number}: {error}");
    }
    for lost in [Answer::Cut, Answer::Fatal(3624), Answer::Fatal(17_066)] {
        mock.when("[append]", [lost]);
        assert_eq!(append(&store).await.unwrap_err().kind(), ErrorKind::Indeterminate);
    }
    // The store is as usable as before.
    mock.when("[append]", [Answer::Rows(vec![vec![Value::Number(4), Value::Text("00000000000000000002")]])]);
    let appended = append(&store).await.unwrap();
    assert_eq!((appended.version().0, appended.last_position.0), (3, 5));
}

#[tokio::test]
async fn a_duplicate_of_an_index_and_one_of_a_constraint_are_looked_into_alike() {
    for number in [2601, 2627] {
        let mock = Mock::with_a_store().await;
        let store = open(&mock.url()).await.unwrap();
        mock.when("[append]", [Answer::Error(number)]);
        let appended = append(&store).await.unwrap();
        assert_eq!((appended.version().0, appended.last_position.0, mock.asked("[write]")), (1, 1, 1));
        assert_eq!(mock.asked("COMMIT TRANSACTION"), 1);

        // The row itself is refused, and the request with it.
        mock.when("[write]", [Answer::Error(number)]);
        assert_eq!(append(&store).await.unwrap_err().kind(), ErrorKind::Invalid);
        // Nothing was written when the rows were not, and nobody knows when the commit was cut off.
        mock.when("[write]", [Answer::Cut]);
        assert_eq!(append(&store).await.unwrap_err().kind(), ErrorKind::Unavailable);
        mock.when("[write]", [Answer::Done]);
        mock.when("COMMIT TRANSACTION", [Answer::Cut]);
        assert_eq!(append(&store).await.unwrap_err().kind(), ErrorKind::Indeterminate);
    }
}

#[tokio::test]
async fn a_lock_that_is_not_granted_leaves_everything_as_it_was() {
    let mock = Mock::with_a_store().await;
    let store = open(&mock.url()).await.unwrap();
    mock.when("[append]", [Answer::Rows(vec![vec![Value::NoNumber, Value::Null]])]);
    mock.when("sp_getapplock", [Answer::Rows(vec![vec![Value::Number(-1)]])]);
    assert_eq!(append(&store).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!((mock.asked("[write]"), mock.asked("COMMIT TRANSACTION")), (0, 0));
}

/// A deadlock, a lost connection and an answer that was lost: the caller of `EventStore` sees none of them.
#[tokio::test]
async fn an_append_is_repeated_until_it_is_known() {
    let mock = Mock::with_a_store().await;
    let backend = open(&mock.url()).await.unwrap();
    let store = EventStore::new(Arc::new(backend), Options::default());
    let written = Answer::Rows(vec![vec![Value::Number(0), Value::Text("00000000000000000000")]]);
    mock.when("[append]", [Answer::Error(1205), Answer::Cut, Answer::Error(1222), written]);
    let appended = store.append("s", Expected::NoStream, [noted(1)]).await.unwrap();
    assert_eq!((appended.version().0, mock.asked("[append]")), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_given_up() {
    let mock = Mock::with_a_store().await;
    let store = open(&mock.url()).await.unwrap();
    mock.when("[append]", [Answer::Silence]);
    let error = append(&store).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    mock.when("@head", [Answer::Silence]);
    mock.when("last_position", [Answer::Silence]);
    let error = store.head().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let silent = Mock::start(Answer::Silence).await;
    let error = open(&silent.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_login_that_fails_says_why_and_never_with_what() {
    for (number, kind) in [
        (18_456, ErrorKind::Invalid),
        (18_487, ErrorKind::Invalid),
        (4060, ErrorKind::Invalid),
        (40_615, ErrorKind::Invalid),
        (40_613, ErrorKind::Unavailable),
        (18_401, ErrorKind::Unavailable),
        (50_000, ErrorKind::Unavailable),
    ] {
        let mock = Mock::start(Answer::Error(number)).await;
        let error = open(&mock.url()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{number}: {error}");
        let told = format!("{error} {error:?}");
        assert!(told.contains(&format!("127.0.0.1:{}", mock.port)) && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn what_answers_and_is_no_sql_server_is_told() {
    for (answer, kind) in [
        (&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], ErrorKind::Invalid),
        (&[0xff; 64][..], ErrorKind::Invalid),
        (&b""[..], ErrorKind::Unavailable),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(answer).await;
            }
        });
        for mode in ["disable", "prefer"] {
            let url = format!("sqlserver://sa:s3cret@127.0.0.1:{port}/shop?sslmode={mode}");
            let error = tokio::time::timeout(Duration::from_secs(20), open(&url)).await.unwrap().unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"));
            // A connection that is closed with bytes unread is a reset one now and then.
            assert!(error.kind() == kind || error.kind() == ErrorKind::Unavailable, "{mode}: {error}");
        }
    }
    let error = open("sqlserver://sa@127.0.0.1:1/shop").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_token_is_read_for_each_connection_and_shown_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let url = format!("sqlserver://127.0.0.1:1/shop?token_file={}", path.display());
    let missing = open(&url).await.unwrap_err();
    assert!(
        missing.kind() == ErrorKind::Invalid && missing.to_string().contains("access token"),
        "{missing}"
    );
    std::fs::write(&path, "s3cret-token\n").unwrap();
    let error = open(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    for (bad, told) in [
        (url.replace("//", "//sa:s3cret@"), "one of them"),
        (format!("{url}&sslmode=disable"), "encryption"),
        ("sqlserver://127.0.0.1:1/shop".to_owned(), ""),
    ] {
        let error = open(&bad).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(told), "{error}");
    }
}

#[test]
fn a_url_that_cannot_be_meant_is_refused_without_its_password() {
    for (options, told) in [
        ("schema=Big", "lowercase"),
        ("schema=a]b", "lowercase"),
        ("schema=", "lowercase"),
        ("connections=1", "from 2"),
        ("sslmode=verify-ca", "verify-full"),
        ("prefix=x", "unknown option"),
    ] {
        let url = format!("sqlserver://sa:s3cret@localhost/shop?{options}");
        let error = url.parse::<StoreUrl>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let told_of = error.to_string();
        assert!(told_of.contains(told) && !told_of.contains("s3cret"), "{options}: {told_of}");
    }
    let url: StoreUrl = "sqlserver://sa:s3cret@localhost/shop?schema=orders".parse().unwrap();
    assert!(!format!("{url} {url:?}").contains("s3cret"));
    let script = url.schema_sql().unwrap();
    assert!(script.contains("CREATE TABLE [orders].[events]"));
}
