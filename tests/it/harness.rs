//! The tests' own ground: fresh databases, a server that can be killed, events to measure.

use ticketsync::proto::v1::{TicketEventKind, TicketStatus};

use crate::support::{
    Disk, PostgresServer, Session, blocking, created, deleted, eventually, on_both_engines,
    permanently_deleted, time, undeleted, updated,
};

on_both_engines! {
    async fn a_fresh_database_is_migrated_and_empty(db: Database) {
        db.store().await.ping().await.unwrap();
        let mut session = db.session().await;
        assert_eq!(session.integers("select count(*) from accounts").await, [0]);
        db.active_connection("acme").await;
        let state = eventually("the connection", async || {
            session.texts("select state from connections").await.pop()
        });
        assert_eq!(state.await, "active");
        session.close().await;
    }

    async fn two_sessions_of_a_test_see_what_the_other_committed(db: Database) {
        let (mut one, mut two) = (db.session().await, Session::open(db.url()).await);
        one.execute("create table seen (n integer); insert into seen values (7)").await;
        assert_eq!(two.integers("select cast(n as bigint) from seen").await, [7]);
    }
}

#[test]
fn a_killed_postgres_server_comes_back_with_its_data() {
    let mut server = PostgresServer::start(Disk::Synced, &[]);
    let url = server.url("postgres");
    blocking(async {
        Session::open(&url).await.execute("create table kept (n bigint)").await;
    });
    server.kill();
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.resume();
    blocking(async {
        let kept = Session::open(&url).await.integers("select count(*) from kept").await;
        assert_eq!(kept, [0]);
    });
}

#[test]
fn an_event_is_what_its_name_says() {
    let kinds = [
        (created("e1", 1), TicketEventKind::Created),
        (updated("e2", 1, 5), TicketEventKind::Updated),
        (deleted("e3", 1, 6), TicketEventKind::Deleted),
        (undeleted("e4", 1, 7), TicketEventKind::Undeleted),
        (permanently_deleted("e5", 1, 8), TicketEventKind::PermanentlyDeleted),
    ];
    for (event, kind) in kinds {
        assert_eq!(event.0.kind(), kind);
    }
    let to = crate::support::Connected { account_id: "a".into(), connection_id: "c".into() };
    let event = updated("e", 1, 5).email("b@example.com").subject("Hi").status(TicketStatus::Hold);
    assert_eq!(event.clone().request(&to).event, event.clone().message(&to).event);
    let ticket = event.0.ticket.unwrap();
    assert_eq!((ticket.updated_at, ticket.requester_id), (Some(time(5)), 901));
    assert_eq!((ticket.status(), ticket.subject.as_str()), (TicketStatus::Hold, "Hi"));
}
