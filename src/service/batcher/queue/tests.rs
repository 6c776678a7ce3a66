//! Which of what waits makes the next batch.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::*;
use crate::domain::{
    ConnectionKey, Observation, Requester, Snapshot, SnapshotKind, TicketEvent, Timestamp, Version,
};

/// An event of an account whose texts have this many bytes.
fn job(account: &str, id: &str, bytes: usize) -> Job {
    let ticket = json!({
        "status": "open", "id": 1, "updated_at": 0, "created_at": 0, "requester_id": 7,
        "description": "d".repeat(bytes), "raw_subject": "", "subject": "", "url": "",
    });
    let connection = ConnectionKey {
        account: account.to_owned().try_into().unwrap(),
        connection: "00000000-0000-4000-8000-000000000000".parse().unwrap(),
    };
    let at = Timestamp::from_micros(0).unwrap();
    let event_id = id.to_owned().try_into().unwrap();
    let requester = Requester { id: 7.try_into().unwrap(), email: None, name: String::new() };
    let event = TicketEvent {
        connection,
        ticket_id: 1.try_into().unwrap(),
        version: Version { updated_at: at, observed: Observation { at, event_id } },
        body: EventBody::Snapshot(Box::new(Snapshot {
            kind: SnapshotKind::Updated,
            ticket: Arc::new(serde_json::from_value(ticket).unwrap()),
            requester,
            created_as: None,
        })),
        content_hash: [0; 32],
    };
    Job { incoming: Incoming::Event(event), since: Instant::now(), answer: oneshot::channel().0 }
}

/// So many small events of each of these accounts, in this order, as they came in.
fn waiting(accounts: &[(&str, usize)]) -> Waiting {
    let mut waiting = Waiting::default();
    for (account, count) in accounts {
        for n in 1..=*count {
            waiting.push(job(account, &n.to_string(), 0));
        }
    }
    waiting
}

/// The batch as runs of one account: the account, its first and its last event.
fn runs(batch: &[Job]) -> Vec<(String, usize, usize)> {
    let mut runs: Vec<(String, usize, usize)> = Vec::new();
    for job in batch {
        let account = job.incoming.connection().account.as_str();
        let Incoming::Event(event) = &job.incoming else { panic!("a hint") };
        let number: usize = event.id().as_str().parse().unwrap();
        match runs.last_mut() {
            Some((last, _, end)) if last == account => {
                assert_eq!(number, *end + 1, "an account's events keep their order");
                *end = number;
            }
            _ => runs.push((account.to_owned(), number, number)),
        }
    }
    runs
}

fn run(account: &str, first: usize, last: usize) -> (String, usize, usize) {
    (account.to_owned(), first, last)
}

#[test]
fn a_batch_has_five_hundred_events_at_the_most_and_the_next_goes_on_where_it_ended() {
    let mut waiting = waiting(&[("a", 1_203)]);
    let batches: Vec<_> =
        std::iter::from_fn(|| (!waiting.is_empty()).then(|| runs(&waiting.take_batch()))).collect();
    let expected = [run("a", 1, 500), run("a", 501, 1_000), run("a", 1_001, 1_203)];
    assert_eq!(batches, expected.map(|run| vec![run]));
}

#[test]
fn a_batch_has_a_mebibyte_at_the_most() {
    let half = MAX_BATCH_BYTES / 2 - EVENT_OVERHEAD_BYTES;
    let mut waiting = Waiting::default();
    for (id, bytes) in [("1", half), ("2", half), ("3", half), ("4", half + 1), ("5", 0)] {
        waiting.push(job("a", id, bytes));
    }
    assert_eq!(runs(&waiting.take_batch()), [run("a", 1, 2)], "exactly a mebibyte is taken");
    assert_eq!(runs(&waiting.take_batch()), [run("a", 3, 3)], "one byte more is left");
    assert_eq!(runs(&waiting.take_batch()), [run("a", 4, 5)]);
    assert!(waiting.is_empty());
}

#[test]
fn an_event_that_is_larger_than_what_is_left_starts_the_next_batch() {
    let mut waiting = Waiting::default();
    waiting.push(job("a", "1", 0));
    waiting.push(job("a", "2", 2 * MAX_BATCH_BYTES));
    waiting.push(job("a", "3", 0));
    for number in 1..=3 {
        assert_eq!(runs(&waiting.take_batch()), [run("a", number, number)], "never empty");
    }
    assert!(waiting.is_empty());
}

#[test]
fn the_account_that_waited_longest_comes_first_and_then_those_with_most() {
    let mut waiting = waiting(&[("old", 1), ("few", 2), ("most", 300), ("many", 250)]);
    let first = runs(&waiting.take_batch());
    assert_eq!(first, [run("old", 1, 1), run("most", 1, 300), run("many", 1, 199)]);
    // Now the account with two has waited longest.
    assert_eq!(runs(&waiting.take_batch()), [run("few", 1, 2), run("many", 200, 250)]);
    assert!(waiting.is_empty());
}

#[test]
fn an_account_with_much_starves_none() {
    let mut waiting = waiting(&[("loud", 600), ("quiet", 1)]);
    assert_eq!(runs(&waiting.take_batch()), [run("loud", 1, 500)]);
    for n in 601..=1_100 {
        waiting.push(job("loud", &n.to_string(), 0));
    }
    assert_eq!(runs(&waiting.take_batch()), [run("loud", 501, 1_000)]);
    // What came later than the quiet one's event does not overtake it again.
    assert_eq!(runs(&waiting.take_batch()), [run("quiet", 1, 1), run("loud", 1_001, 1_100)]);
    assert!(waiting.is_empty());
}

#[test]
fn a_batch_is_never_smaller_than_what_waits_allows() {
    let accounts: Vec<String> = (0..300).map(|n| format!("a{n}")).collect();
    let mut waiting = Waiting::default();
    for round in 1..=4 {
        for account in &accounts {
            waiting.push(job(account, &round.to_string(), 0));
        }
    }
    let sizes: Vec<usize> =
        std::iter::from_fn(|| (!waiting.is_empty()).then(|| waiting.take_batch().len())).collect();
    assert_eq!(sizes, [500, 500, 200]);
}

#[test]
fn a_lane_is_full_at_its_limit_and_takes_again_after_a_batch() {
    let mut waiting = waiting(&[("a", MAX_WAITING - 1)]);
    assert!(!waiting.is_full());
    waiting.push(job("b", "1", 0));
    assert!(waiting.is_full());
    waiting.take_batch();
    assert!(!waiting.is_full());
}

#[test]
fn those_who_have_waited_since_a_moment_are_taken_and_the_others_stay() {
    let mut waiting = waiting(&[("a", 2), ("b", 1)]);
    let moment = Instant::now();
    let after = moment + Duration::from_nanos(1);
    for (account, id, since) in [("a", "3", moment), ("a", "4", after), ("c", "1", after)] {
        waiting.push(Job { since, ..job(account, id, 0) });
    }
    assert_eq!(waiting.take_waiting_since(moment).len(), 4);
    assert!(waiting.take_waiting_since(moment).is_empty());
    assert_eq!(runs(&waiting.take_batch()), [("a".into(), 4, 4), ("c".into(), 1, 1)]);
    assert!(waiting.is_empty());
}
