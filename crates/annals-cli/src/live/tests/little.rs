//! Logins that may read little, and databases that do not answer.

use crate::failure::Status;

use super::*;

#[tokio::test]
async fn on_postgres_a_role_without_rights_is_told_the_catalogue_and_no_events() {
    let Some(server) = server("ANNALS_POSTGRES") else { return };
    let schema = unique("live_little");
    let statements = format!(
        "CREATE ROLE {schema} LOGIN PASSWORD 'pw'; CREATE ROLE {schema}_app; CREATE SCHEMA {schema};
         GRANT {schema}_app TO {schema};
         CREATE TABLE {schema}.events (
             position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, type text NOT NULL,
             data jsonb NOT NULL, UNIQUE (stream_id, version));
         GRANT INSERT ON {schema}.events TO {schema}_app"
    );
    run(&server, &statements).await;
    let url = with_option(&login(&server, &format!("{schema}:pw"), "annals"), &format!("schema={schema}"));
    let live = read(&url).await;
    run(&server, &format!("DROP SCHEMA {schema} CASCADE; DROP ROLE {schema}; DROP ROLE {schema}_app")).await;
    assert_eq!(live.shape.table("events").unwrap().columns.len(), 5);
    assert_eq!(live.shape.grants[0].to, format!("{schema}_app"));
    assert!(live.sample.is_none());
    assert_eq!(
        live.notes,
        [format!("events of {schema}.events could not be looked at: this login may not (42501)")]
    );
    assert!(!live.shape.name.contains(":pw"), "{}", live.shape.name);
}

#[tokio::test]
async fn on_postgres_a_lock_is_not_waited_for() {
    let Some(server) = server("ANNALS_POSTGRES") else { return };
    let schema = unique("live_locked");
    let statements = format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.events (
             position bigserial PRIMARY KEY, stream_id text NOT NULL, version bigint NOT NULL, type text NOT NULL,
             data jsonb NOT NULL, UNIQUE (stream_id, version))"
    );
    run(&server, &statements).await;
    let other = annals::postgres::connect(&server.parse().unwrap()).await.unwrap();
    other.batch_execute(&format!("BEGIN; LOCK TABLE {schema}.events")).await.unwrap();
    let live = read(&with_option(&server, &format!("schema={schema}"))).await;
    other.batch_execute(&format!("ROLLBACK; DROP SCHEMA {schema} CASCADE")).await.unwrap();
    // The expressions of a table that somebody alters are not told either.
    assert_eq!(names(&live.shape), ["events"]);
    assert_eq!(live.notes, ["columns could not be read: it was locked for longer than 3 s (55P03)"]);
    assert_eq!(live.shape.unread[0].what, "columns");
}

#[tokio::test]
async fn on_mysql_it_is_said_that_triggers_and_grants_are_hidden() {
    for variable in ["ANNALS_MYSQL", "ANNALS_MARIADB"] {
        let Some(server) = server(variable) else { continue };
        let database = unique("live");
        let statements = format!(
            "CREATE DATABASE {database};;
             CREATE TABLE {database}.events (
                 position BIGINT AUTO_INCREMENT PRIMARY KEY, stream_id VARCHAR(100) NOT NULL, version INT NOT NULL,
                 type VARCHAR(100) NOT NULL, data LONGTEXT NOT NULL, UNIQUE (stream_id, version));;
             CREATE TABLE {database}.secrets (id INT PRIMARY KEY);;
             CREATE TRIGGER {database}.stay BEFORE DELETE ON {database}.events FOR EACH ROW
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no';;
             INSERT INTO {database}.events (stream_id, version, type, data) VALUES ('a-1', 1, 'T', '{{}}');;
             CREATE USER '{database}'@'%' IDENTIFIED BY 'pw';;
             GRANT SELECT (position, version) ON {database}.events TO '{database}'@'%'"
        );
        run(&server, &statements).await;
        let url = login(&server, &format!("{database}:pw"), &database);
        let columns_only = read(&url).await;
        run(&server, &format!("GRANT SELECT ON {database}.events TO '{database}'@'%'")).await;
        let live = read(&url).await;
        run(&server, &format!("DROP DATABASE {database};; DROP USER '{database}'@'%'")).await;
        assert!(columns_only.sample.is_none(), "{variable}");
        assert_eq!(names(&live.shape), ["events"], "{variable}");
        let unread: Vec<_> = live.shape.unread.iter().map(|unread| unread.what.as_str()).collect();
        assert_eq!(unread, ["triggers", "grants of others"], "{variable}: {:?}", live.notes);
        assert_eq!(live.sample.as_ref().map(|sample| sample.read), Some(1), "{variable}: {:?}", live.notes);
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_a_failure_without_the_password() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("no.db"), "this is no database at all, whatever its name may say")
        .unwrap();
    let file = |name: &str| format!("sqlite:{}", place.path().join(name).display());
    for (url, status) in [
        ("postgres://app:s3cret@127.0.0.1:1/shop".to_owned(), Status::Unreachable),
        ("mysql://app:s3cret@127.0.0.1:1/shop".to_owned(), Status::Unreachable),
        ("sqlserver://app:s3cret@127.0.0.1:1/shop".to_owned(), Status::Unreachable),
        (file("missing.db"), Status::Unreachable),
        (file("no.db"), Status::Unreachable),
        ("memory:".to_owned(), Status::Usage),
    ] {
        let failure = super::super::read(&url.parse().unwrap(), &How::default()).await.unwrap_err();
        assert_eq!(failure.status, status, "{url}");
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
    assert!(!place.path().join("missing.db").exists());
}
