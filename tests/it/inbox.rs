//! The inbox: hints wait in it, once each, and leave with the event that is made of them.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{
        Answer, ConnectionKey, CreatedDetail, Delay, EventBody, EventId, EventSource, Hint,
        HintAnswer, HintKind, Incoming, Observation, Outcome, Postponed, Receipt, Rejection,
        Requester, TicketEvent, Timestamp, Version,
    },
    store::{BatchKeys, Store, Waiting},
};

use crate::support::on_both_engines;

fn hint(id: &str, ticket: i64) -> Hint {
    Hint {
        id: EventId::of(EventSource::Zendesk, id.into()).unwrap(),
        ticket_id: ticket.try_into().unwrap(),
        kind: HintKind::Changed,
        occurred_at: None,
        updated_at: None,
        detail: None,
    }
}

/// The event that a fetch makes of a hint: here, that the ticket is gone.
fn fetched(key: &ConnectionKey, hint: &Hint) -> TicketEvent {
    let at = clock::now();
    TicketEvent {
        connection: key.clone(),
        ticket_id: hint.ticket_id,
        version: Version {
            updated_at: at,
            observed: Observation { at, event_id: hint.id.clone() },
        },
        body: EventBody::Deleted { requester: None::<Requester> },
        content_hash: hint.content_hash(),
    }
}

/// Takes these in as one batch does.
async fn take_in(store: &Store, incoming: Vec<Incoming>) -> Vec<Result<Receipt, Rejection>> {
    let mut tx = store.begin().await.unwrap();
    let mut set = tx.load_batch(BatchKeys::of_incoming(&incoming)).await.unwrap();
    let now = clock::now();
    let receipts =
        incoming.into_iter().map(|one| set.take_in(one, now, &mut rand::random)).collect();
    tx.save_batch(&mut set, now).await.unwrap();
    tx.commit().await.unwrap();
    receipts
}

async fn keep(store: &Store, key: &ConnectionKey, hints: Vec<Hint>) {
    let hints = hints.into_iter().map(|hint| Incoming::Hint(key.clone(), Box::new(hint)));
    for receipt in take_in(store, hints.collect()).await {
        assert_eq!(receipt, Ok(Receipt::Hint(HintAnswer::Stored)));
    }
}

async fn due(store: &Store, key: &ConnectionKey, at: Timestamp, tickets: usize) -> Vec<String> {
    let hints = store.due_hints(key, at, tickets).await.unwrap();
    hints.into_iter().map(|waiting| waiting.hint.id.name().to_owned()).collect()
}

on_both_engines! {
    async fn a_hint_waits_as_it_came_in(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let at = |micros| Some(Timestamp::from_micros(micros).unwrap());
        let told = Hint {
            kind: HintKind::Created,
            occurred_at: at(1_000_001),
            updated_at: at(2_000_000),
            detail: Some(CreatedDetail {
                subject: Some("Printer \"on\" fire ünd".into()),
                ..CreatedDetail::default()
            }),
            ..hint("e1", 7)
        };
        let before = clock::now();
        keep(&store, &key, vec![told.clone()]).await;
        let waiting = store.hint(&key, &told.id).await.unwrap().unwrap();
        assert_eq!((&waiting.hint, waiting.attempt_count, waiting.delay), (&told, 0, None));
        assert!(waiting.received_at >= before && waiting.due_at == waiting.received_at);
        let known = store.waiting(&key).await.unwrap();
        assert_eq!(known, Waiting { hint_count: 1, oldest_at: Some(waiting.received_at) });
        let upkeep = store.upkeep(&key).await.unwrap().unwrap();
        assert_eq!(upkeep.next_attempt_at(), Some(waiting.due_at));
        assert_eq!(store.connection(&key).await.unwrap().unwrap().last_event_at, Some(waiting.received_at));
        assert!(store.hint(&key, &hint("e2", 7).id).await.unwrap().is_none());
        store.close().await;
    }

    async fn the_same_hint_waits_once_and_never_again_after_it_was_applied(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let told = hint("e1", 7);
        let delivery = || Incoming::Hint(key.clone(), Box::new(told.clone()));
        let stored = Ok(Receipt::Hint(HintAnswer::Stored));
        let duplicate = Ok(Receipt::Hint(HintAnswer::Duplicate));
        assert_eq!(take_in(&store, vec![delivery(), delivery()]).await, [stored, duplicate]);
        assert_eq!(take_in(&store, vec![delivery()]).await, [duplicate]);
        assert_eq!(due(&store, &key, clock::now(), 10).await, ["e1"]);

        let applied = take_in(&store, vec![Incoming::Event(fetched(&key, &told))]).await;
        let Ok(Receipt::Event(answer)) = applied[0] else { panic!("{applied:?}") };
        assert!(matches!(answer, Answer::Applied(effect) if effect.outcome == Outcome::Deleted));
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        assert_eq!(take_in(&store, vec![delivery()]).await, [duplicate]);
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        // A hint and the event that was made of it in one batch leave nothing that waits.
        let other = hint("e2", 8);
        let both = vec![
            Incoming::Hint(key.clone(), Box::new(other.clone())),
            Incoming::Event(fetched(&key, &other)),
        ];
        take_in(&store, both).await;
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        store.close().await;
    }

    async fn a_hint_whose_id_was_applied_for_another_is_a_duplicate_and_waits_no_longer(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let (told, other) = (hint("e1", 7), hint("e1", 8));
        keep(&store, &key, vec![told.clone()]).await;
        // Its ticket is fetched, and meanwhile another of its id is applied.
        let first = take_in(&store, vec![Incoming::Event(fetched(&key, &other))]).await;
        let Ok(Receipt::Event(Answer::Applied(effect))) = first[0] else { panic!("{first:?}") };
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        let duplicate = Ok(Receipt::Event(Answer::Duplicate(effect)));
        assert_eq!(take_in(&store, vec![Incoming::Event(fetched(&key, &told))]).await, [duplicate]);
        let gone = Hint { kind: HintKind::PermanentlyDeleted, ..told.clone() };
        let gone = Incoming::hint(key.clone(), gone, clock::now());
        assert_eq!(take_in(&store, vec![gone]).await, [duplicate]);

        // However a hint comes to wait whose id was applied: it leaves all the same.
        let mut session = db.session().await;
        session
            .execute(
                "insert into inbox (account_id, connection_id, event_id, ticket_id, kind, received_at,
                                    due_at, attempt_count)
                 select account_id, connection_id, event_id, 7, 'changed', 0, 0, 0 from events",
            )
            .await;
        session.close().await;
        assert_eq!(due(&store, &key, clock::now(), 10).await, ["e1"]);
        assert_eq!(take_in(&store, vec![Incoming::Event(fetched(&key, &told))]).await, [duplicate]);
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        let stored = store.event(&key, &told.id).await.unwrap().unwrap();
        assert_eq!(stored.effect, effect, "what became of the id is told as before");
        store.close().await;
    }

    async fn a_producers_event_of_the_same_name_is_another(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        keep(&store, &key, vec![hint("e1", 7)]).await;
        let id = EventId::of(EventSource::Producer, "e1".into()).unwrap();
        let produced = Hint { id, ..hint("e1", 7) };
        take_in(&store, vec![Incoming::Event(fetched(&key, &produced))]).await;
        assert_eq!(due(&store, &key, clock::now(), 10).await, ["e1"]);
        store.close().await;
    }

    async fn hints_are_due_by_tickets_longest_first_and_can_be_put_back(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        for n in 1..=3 {
            keep(&store, &key, vec![hint(&format!("a{n}"), n)]).await;
        }
        keep(&store, &key, vec![hint("b1", 1)]).await;
        let now = clock::now();
        assert_eq!(due(&store, &key, now, 2).await, ["a1", "a2", "b1"], "one ticket is whole");
        let first = store.hint(&key, &hint("a1", 1).id).await.unwrap().unwrap().received_at;
        assert_eq!(due(&store, &key, first.minus(Duration::from_micros(1)), 2).await, [""; 0]);

        let later = now.plus(Duration::from_secs(4));
        let mut tx = store.begin().await.unwrap();
        tx.lock_account(&key.account).await.unwrap();
        let gone = hint("gone", 9).id;
        let back = |id| Postponed { id, until: later, delay: Delay::NotShown };
        tx.put_back(&key, &[back(hint("a1", 1).id), back(gone)]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, &key, now, 10).await, ["a2", "a3", "b1"]);
        assert_eq!(due(&store, &key, later, 10).await, ["a2", "a3", "b1", "a1"]);
        let put_back = store.hint(&key, &hint("a1", 1).id).await.unwrap().unwrap();
        assert_eq!((put_back.due_at, put_back.attempt_count), (later, 1));
        assert_eq!((put_back.received_at, put_back.delay), (first, Some(Delay::NotShown)));
        store.close().await;
    }

    async fn a_hint_is_stuck_where_fetching_it_again_will_hardly_help(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        keep(&store, &key, (1..=4).map(|n| hint(&format!("e{n}"), n)).collect()).await;
        let delays = [Delay::NotShown, Delay::Unreadable, Delay::NotApplied];
        let mut stuck = Vec::new();
        for (n, delay) in (1..).zip(delays) {
            let mut tx = store.begin().await.unwrap();
            tx.lock_account(&key.account).await.unwrap();
            let back = Postponed { id: hint(&format!("e{n}"), n).id, until: clock::now(), delay };
            tx.put_back(&key, &[back]).await.unwrap();
            tx.commit().await.unwrap();
            stuck.push(store.stuck_hint(&key).await.unwrap());
        }
        assert_eq!(stuck[0], None);
        let oldest = stuck[1].clone().unwrap();
        assert_eq!((oldest.hint, oldest.delay), (hint("e2", 2), Some(Delay::Unreadable)));
        assert_eq!(stuck[2], stuck[1]);
        store.close().await;
    }

    async fn the_hints_of_one_connection_are_deleted_and_counted(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let other = db.active_connection("acme").await.key();
        keep(&store, &other, vec![hint("e1", 1)]).await;
        keep(&store, &key, (1..=5).map(|n| hint(&format!("e{n}"), n)).collect()).await;
        let mut tx = store.begin().await.unwrap();
        tx.lock_account(&key.account).await.unwrap();
        assert_eq!(tx.delete_hints(&key, 3).await.unwrap(), 3);
        assert_eq!(tx.delete_hints(&key, 3).await.unwrap(), 2);
        assert_eq!(tx.delete_hints(&key, 3).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(store.waiting(&key).await.unwrap(), Waiting::default());
        assert_eq!(store.waiting(&other).await.unwrap().hint_count, 1);
        store.close().await;
    }

    async fn a_connection_that_takes_no_events_takes_no_hints(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let mut session = db.session().await;
        session.execute("update connections set state = 'disconnected'").await;
        let delivery = Incoming::Hint(key.clone(), Box::new(hint("e1", 7)));
        let refused = take_in(&store, vec![delivery.clone()]).await;
        assert_eq!(refused, [Err(Rejection::ConnectionNotActive)]);
        session.execute("update connections set state = 'needs_reauthorization'").await;
        assert_eq!(take_in(&store, vec![delivery]).await, [Ok(Receipt::Hint(HintAnswer::Stored))]);
        session.close().await;
        store.close().await;
    }

    async fn a_ticket_that_is_gone_for_ever_takes_its_waiting_contents_along(db: Database) {
        let (key, store) = (db.active_connection("acme").await.key(), db.store().await);
        let detail = CreatedDetail { subject: Some("a secret".into()), ..CreatedDetail::default() };
        let created = Hint { kind: HintKind::Created, detail: Some(detail), ..hint("e1", 7) };
        let kept = Hint { ticket_id: 8.try_into().unwrap(), ..Hint { id: hint("e2", 8).id, ..created.clone() } };
        keep(&store, &key, vec![created.clone(), kept.clone()]).await;
        let gone = Hint { kind: HintKind::PermanentlyDeleted, ..hint("e3", 7) };
        let gone = Incoming::hint(key.clone(), gone, clock::now());
        assert!(matches!(gone, Incoming::Event(_)), "nothing is to be fetched");
        take_in(&store, vec![gone]).await;
        assert_eq!(store.hint(&key, &created.id).await.unwrap().unwrap().hint.detail, None);
        assert_eq!(store.hint(&key, &kept.id).await.unwrap().unwrap().hint.detail, kept.detail);
        store.close().await;
    }
}
