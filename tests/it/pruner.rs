//! Retention: what is past its time goes, and nothing else.

use std::time::Duration;

use ticketsync::{
    clock,
    proto::v1::{EventOutcome, GetEventRequest, StartPoint, tail_triggers_request::Start},
    service::{Pruned, Pruner, PrunerOptions, days},
};
use tokio_util::sync::CancellationToken;

use crate::{
    support::{Connected, Database, Services, created, on_both_engines, reason, tail, updated},
    ticket_object::ids,
    trigger::{events, positions},
};

const EARLIEST: Start = Start::StartPoint(StartPoint::Earliest as i32);

async fn prune(services: &Services) -> Pruned {
    let pruner = Pruner::new(services.store.clone(), PrunerOptions::default());
    pruner.round(clock::now(), &CancellationToken::new()).await.unwrap()
}

/// Says that these rows were written so long ago.
async fn age(db: &Database, table: &str, column: &str, age: Duration, which: &str) {
    let time = clock::now().minus(age).as_micros();
    let mut session = db.session().await;
    session.execute(&format!("update {table} set {column} = {time} where {which}")).await;
    session.close().await;
}

async fn integers(db: &Database, sql: &str) -> Vec<i64> {
    let mut session = db.session().await;
    let integers = session.integers(sql).await;
    session.close().await;
    integers
}

async fn outcome(services: &Services, to: &Connected, event_id: &str) -> Option<EventOutcome> {
    let request = GetEventRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        event_id: event_id.into(),
        ..GetEventRequest::default()
    };
    let event = services.ingest.clone().get_event(request).await.ok()?.into_inner();
    Some(event.result.unwrap().outcome())
}

async fn with_log(db: &Database, count: i64) -> (Services, Connected) {
    crate::trigger::with_log(db, count).await
}

on_both_engines! {
    async fn trigger_events_past_their_time_go_and_the_log_says_where_it_begins(db: Database) {
        let (services, connected) = with_log(&db, 6).await;
        let all = events(services.read(tail("acme", EARLIEST)).await.unwrap());
        age(&db, "triggers", "committed_at", days(30) + Duration::from_mins(1), "position <= 4")
            .await;
        age(&db, "triggers", "committed_at", days(29), "position = 5").await;
        assert_eq!(prune(&services).await.trigger_count, 4);
        assert_eq!(integers(&db, "select position from triggers order by position").await, [5, 6]);
        let rest = services.read(tail("acme", EARLIEST)).await.unwrap();
        assert_eq!(rest[0].earliest_position, 5);
        assert_eq!(positions(&events(rest)), [5, 6]);
        let below = tail("acme", Start::Cursor(all[2].cursor.clone()));
        assert_eq!(reason(&services.read(below).await.unwrap_err()), "CURSOR_OUT_OF_RANGE");
        let at_floor = tail("acme", Start::Cursor(all[3].cursor.clone()));
        assert_eq!(positions(&events(services.read(at_floor).await.unwrap())), [5, 6]);
        assert_eq!(services.apply(&connected, created("e7", 7)).await.position, Some(7));
        let contact = all[0].contact.as_ref().unwrap().contact_id.clone();
        assert_eq!(ids(&services, &contact).await, [1], "objects stay");
        services.stop().await;
    }

    async fn a_log_that_is_pruned_whole_goes_on_where_it_was(db: Database) {
        let (services, connected) = with_log(&db, 3).await;
        age(&db, "triggers", "committed_at", days(31), "position > 0").await;
        assert_eq!(prune(&services).await.trigger_count, 3);
        let empty = services.read(tail("acme", EARLIEST)).await.unwrap().remove(0);
        assert_eq!((empty.position, empty.head_position, empty.earliest_position), (3, 3, 4));
        assert_eq!(services.apply(&connected, created("e4", 4)).await.position, Some(4));
        let resumed = tail("acme", Start::Cursor(empty.cursor));
        assert_eq!(positions(&events(services.read(resumed).await.unwrap())), [4]);
        services.stop().await;
    }

    async fn a_round_takes_up_what_a_broken_one_left(db: Database) {
        let (services, _) = with_log(&db, 5).await;
        let mut session = db.session().await;
        session.execute("update accounts set floor = 3").await;
        session.close().await;
        let rest = services.read(tail("acme", EARLIEST)).await.unwrap();
        assert_eq!(positions(&events(rest)), [4, 5], "below the floor nothing is read");
        assert_eq!(prune(&services).await.trigger_count, 3);
        assert_eq!(prune(&services).await, Pruned::default());
        services.stop().await;
    }

    async fn a_round_that_is_told_to_stop_leaves_the_rest_for_later(db: Database) {
        let (services, _) = with_log(&db, 2).await;
        age(&db, "triggers", "committed_at", days(31), "position > 0").await;
        let stopped = CancellationToken::new();
        stopped.cancel();
        let pruner = Pruner::new(services.store.clone(), PrunerOptions::default());
        assert_eq!(pruner.round(clock::now(), &stopped).await.unwrap(), Pruned::default());
        assert_eq!(prune(&services).await.trigger_count, 2);
        services.stop().await;
    }

    async fn event_ids_are_remembered_for_their_time_and_a_later_repeat_is_harmless(db: Database) {
        let (services, connected) = with_log(&db, 2).await;
        services.apply(&connected, updated("u1", 1, 60)).await;
        age(&db, "events", "received_at", days(14) + Duration::from_mins(1), "event_id = 'e1'")
            .await;
        age(&db, "events", "received_at", days(13), "event_id = 'e2'").await;
        assert_eq!(prune(&services).await.event_count, 1);
        assert_eq!(outcome(&services, &connected, "e1").await, None);
        assert_eq!(outcome(&services, &connected, "e2").await, Some(EventOutcome::Created));
        let repeat = services.apply(&connected, created("e1", 1)).await;
        assert_eq!((repeat.outcome(), repeat.position), (EventOutcome::Stale, None));
        services.stop().await;
    }

    async fn a_parked_event_keeps_its_id(db: Database) {
        let (services, connected) = with_log(&db, 0).await;
        services.apply(&connected, created("p", 1).email("")).await;
        age(&db, "events", "received_at", days(99), "event_id = 'p'").await;
        assert_eq!(prune(&services).await, Pruned::default());
        assert_eq!(outcome(&services, &connected, "p").await, Some(EventOutcome::Parked));
        services.stop().await;
    }

    async fn many_are_pruned_in_chunks_and_their_neighbours_stay(db: Database) {
        let (services, connected) = with_log(&db, 0).await;
        let now = clock::now().as_micros();
        let Connected { account_id, connection_id } = connected;
        let mut session = db.session().await;
        // Every fourth of 5,000 ids is new.
        session
            .execute(&format!(
                "insert into events (account_id, connection_id, event_id, ticket_id, outcome,
                                     received_at)
                 with recursive numbers (n) as
                      (select 1 union all select n + 1 from numbers where n < 5000)
                 select '{account_id}', '{connection_id}', 'event-' || n, n, 'updated',
                        case when n % 4 = 0 then {now} else 0 end
                   from numbers"
            ))
            .await;
        session.close().await;
        assert_eq!(prune(&services).await.event_count, 3_750);
        let left = integers(&db, "select count(*) from events where received_at > 0").await;
        assert_eq!(
            (left, integers(&db, "select count(*) from events").await),
            (vec![1_250], vec![1_250])
        );
        services.stop().await;
    }

    async fn expired_authorisations_go(db: Database) {
        let (services, connected) = with_log(&db, 0).await;
        let Connected { account_id, connection_id } = connected;
        let mut session = db.session().await;
        for (state, expires_at) in [("old", 0), ("new", i64::MAX)] {
            session
                .execute(&format!(
                    "insert into authorizations (account_id, state_hash, connection_id,
                                                 code_verifier, expires_at)
                          values ('{account_id}', '{state}', '{connection_id}', 'v', {expires_at})"
                ))
                .await;
        }
        prune(&services).await;
        assert_eq!(session.texts("select state_hash from authorizations").await, ["new"]);
        session.close().await;
        services.stop().await;
    }

    async fn pruning_and_ingest_do_not_disturb_each_other(db: Database) {
        let (services, connected) = with_log(&db, 20).await;
        age(&db, "triggers", "committed_at", days(31), "position > 0").await;
        let write = async {
            for ticket in 21..=60 {
                let result =
                    services.apply(&connected, created(&format!("e{ticket}"), ticket)).await;
                assert_eq!(result.position, Some(ticket));
            }
        };
        let (pruned, again, ()) = tokio::join!(prune(&services), prune(&services), write);
        assert_eq!(pruned.trigger_count + again.trigger_count, 20);
        let rest = events(services.read(tail("acme", EARLIEST)).await.unwrap());
        assert_eq!(positions(&rest), (21..=60).collect::<Vec<_>>());
        services.stop().await;
    }
}
