//! Which hints a fetch settles, and how.

use serde_json::json;

use super::*;
use crate::domain::{AccountId, ConnectionId, CreatedDetail, Given, Invalid};

/// When the hints were received, in seconds.
const RECEIVED: i64 = 1_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn ticket(updated_at: i64) -> Ticket {
    serde_json::from_value(json!({
        "status": "open", "id": 5, "updated_at": at(updated_at), "created_at": at(1),
        "requester_id": 7, "description": "", "raw_subject": "", "subject": "", "url": "",
    }))
    .unwrap()
}

fn present(updated_at: i64) -> Shown {
    shown(ticket(updated_at))
}

fn shown(ticket: Ticket) -> Shown {
    let requester = Requester { id: ticket.requester_id, email: None, name: "Ann".into() };
    Shown::Ticket { ticket: ticket.into(), requester }
}

fn key() -> ConnectionKey {
    let account = AccountId::try_from("acme".to_owned()).unwrap();
    ConnectionKey { account, connection: ConnectionId(uuid::Uuid::nil()) }
}

/// A hint that was received at [`RECEIVED`], and happened when its ticket was updated.
fn hint(id: &str, kind: HintKind, updated_at: i64) -> WaitingHint {
    let hint = Hint {
        id: id.to_owned().try_into().unwrap(),
        ticket_id: 5.try_into().unwrap(),
        kind,
        occurred_at: Some(at(updated_at)),
        updated_at: Some(at(updated_at)),
        detail: None,
    };
    WaitingHint::new(hint, at(RECEIVED))
}

fn changed(updated_at: i64) -> WaitingHint {
    hint("changed", HintKind::Changed, updated_at)
}

/// Settles hints by what was shown, so many seconds after they were received.
fn settle(shown: Shown, known: Option<i64>, age: i64, hints: &[WaitingHint]) -> Vec<Settled> {
    let key = key();
    let fetch = TicketFetch {
        connection: &key,
        ticket_id: 5.try_into().unwrap(),
        started_at: at(RECEIVED + age),
        shown,
        known: known.map(at),
    };
    let ids = |id: &str| hints.iter().any(|waiting| waiting.hint.id.as_str() == id);
    let settled = fetch.settle(hints.to_vec());
    assert_eq!(settled.len(), hints.len(), "one for each hint");
    assert!(settled.iter().all(|settled| match settled {
        Settled::Apply { event, .. } => ids(event.id().as_str()),
        Settled::Again { id, .. } => ids(id.as_str()),
    }));
    settled
}

fn one(shown: Shown, known: Option<i64>, age: i64, hint: WaitingHint) -> Settled {
    settle(shown, known, age, &[hint]).remove(0)
}

/// What was applied, and against which doubt.
fn applied(settled: &Settled) -> (&TicketEvent, Option<Doubt>) {
    match settled {
        Settled::Apply { event, despite } => (event, *despite),
        Settled::Again { because, .. } => panic!("it waits: {because:?}"),
    }
}

/// After how many seconds from its receipt a hint is looked at again, and why.
fn again(settled: &Settled) -> (i64, Doubt) {
    match settled {
        Settled::Again { at: next, because, .. } => {
            (next.as_micros() / 1_000_000 - RECEIVED, *because)
        }
        Settled::Apply { event, .. } => panic!("it was applied: {event:?}"),
    }
}

fn snapshot(event: &TicketEvent) -> &Snapshot {
    match &event.body {
        EventBody::Snapshot(snapshot) => snapshot,
        other => panic!("no snapshot: {other:?}"),
    }
}

#[test]
fn a_fetch_that_shows_what_was_hinted_at_settles_the_hint() {
    let settled = one(present(900), Some(800), 1, changed(900));
    let (event, doubt) = applied(&settled);
    assert_eq!(doubt, None);
    assert_eq!(event.version.updated_at, at(900));
    assert_eq!(event.version.observed.at, at(RECEIVED + 1), "observed when the call was sent");
    assert_eq!(event.id().as_str(), "changed");
    assert_eq!(snapshot(event).kind, SnapshotKind::Updated);
    assert_eq!(event.content_hash, changed(1).hint.content_hash(), "whatever was fetched");
}

#[test]
fn an_older_ticket_than_the_hint_tells_of_is_fetched_again_for_a_minute_and_then_applied() {
    for age in [0, 30, 59] {
        assert_eq!(again(&one(present(899), None, age, changed(900))).1, Doubt::Older, "{age}");
    }
    let settled = one(present(899), None, 60, changed(900));
    let (event, doubt) = applied(&settled);
    assert_eq!((event.version.updated_at, doubt), (at(899), Some(Doubt::Older)));
}

#[test]
fn an_older_ticket_than_was_seen_before_is_fetched_again_too() {
    let mut bare = changed(900);
    bare.hint.updated_at = None;
    assert_eq!(again(&one(present(899), Some(900), 1, bare.clone())).1, Doubt::Older);
    assert_eq!(applied(&one(present(900), Some(900), 1, bare)).1, None);
}

#[test]
fn each_wait_is_twice_as_long_and_the_last_ends_after_a_minute() {
    let mut age = 0;
    let waits = (0..6).map(|attempt_count| {
        let waiting = WaitingHint { attempt_count, ..changed(900) };
        age = again(&one(present(899), None, age, waiting)).0;
        age
    });
    assert_eq!(waits.collect::<Vec<_>>(), [1, 3, 7, 15, 31, 60]);
}

#[test]
fn a_ticket_never_seen_that_is_absent_is_fetched_again_for_a_minute_and_is_then_deleted() {
    assert_eq!(again(&one(Shown::Absent, None, 59, changed(900))), (60, Doubt::Missing));
    let settled = one(Shown::Absent, None, 60, changed(900));
    let (event, doubt) = applied(&settled);
    assert_eq!((&event.body, doubt), (&EventBody::Absent, Some(Doubt::Missing)));
    assert_eq!(event.version.updated_at, at(900), "the newest that was heard of it");
}

#[test]
fn a_ticket_that_was_seen_and_is_absent_is_deleted_at_once() {
    let settled = one(Shown::Absent, Some(800), 1, changed(900));
    let (event, doubt) = applied(&settled);
    assert_eq!((&event.body, doubt), (&EventBody::Absent, None));
}

#[test]
fn a_soft_deleted_ticket_that_is_absent_is_deleted_at_once_though_it_was_never_seen() {
    let hints =
        vec![hint("made", HintKind::Created, 800), hint("gone", HintKind::SoftDeleted, 900)];
    for settled in settle(Shown::Absent, None, 1, &hints) {
        let (event, doubt) = applied(&settled);
        assert_eq!((&event.body, doubt), (&EventBody::Absent, None));
    }
}

#[test]
fn a_soft_deleted_ticket_that_is_still_there_is_fetched_again_for_a_minute() {
    let gone = || hint("gone", HintKind::SoftDeleted, 900);
    assert_eq!(again(&one(present(900), Some(900), 59, gone())).1, Doubt::StillThere);
    let settled = one(present(900), Some(900), 60, gone());
    let (event, doubt) = applied(&settled);
    assert_eq!((snapshot(event).kind, doubt), (SnapshotKind::Updated, Some(Doubt::StillThere)));
}

#[test]
fn a_soft_deleted_ticket_that_came_back_needs_no_other_look() {
    let gone = || hint("gone", HintKind::SoftDeleted, 900);
    assert_eq!(applied(&one(present(901), Some(900), 1, gone())).1, None, "it changed since");
    let back = hint("back", HintKind::Undeleted, 950);
    let mut bare = gone();
    bare.hint.updated_at = None;
    let kinds = settle(present(950), Some(900), 1, &[back, bare]).into_iter().map(|settled| {
        let (event, doubt) = applied(&settled);
        (snapshot(event).kind, doubt)
    });
    let expected = [(SnapshotKind::Updated, None), (SnapshotKind::Undeleted, None)];
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
}

#[test]
fn a_ticket_with_the_status_deleted_is_no_longer_there() {
    let deleted = Ticket { status: Status::Deleted, ..ticket(900) };
    let gone = hint("gone", HintKind::SoftDeleted, 900);
    assert_eq!(applied(&one(shown(deleted), Some(900), 1, gone)).1, None);
}

#[test]
fn an_undeleted_ticket_that_is_still_absent_is_fetched_again_for_a_minute() {
    let back = || hint("back", HintKind::Undeleted, 950);
    assert_eq!(again(&one(Shown::Absent, Some(900), 59, back())).1, Doubt::Missing);
    let settled = one(Shown::Absent, Some(900), 60, back());
    assert_eq!(applied(&settled).0.body, EventBody::Absent);
    let gone_again = hint("gone", HintKind::SoftDeleted, 960);
    for settled in settle(Shown::Absent, Some(900), 1, &[gone_again, back()]) {
        assert_eq!(applied(&settled).1, None, "the later of the two tells");
    }
}

#[test]
fn several_hints_of_one_ticket_are_settled_each_by_itself_and_its_beginning_first() {
    let hints = vec![
        changed(900),
        hint("late", HintKind::Changed, 950),
        hint("made", HintKind::Created, 800),
    ];
    let settled = settle(present(900), None, 1, &hints);
    let ids: Vec<&str> =
        settled[..2].iter().map(|settled| applied(settled).0.id().as_str()).collect();
    assert_eq!(ids, ["made", "changed"]);
    assert_eq!(again(&settled[2]).1, Doubt::Older);
}

#[test]
fn what_a_new_ticket_was_like_lies_over_the_fetched_one() {
    let mut made = hint("made", HintKind::Created, 800);
    made.hint.detail = Some(CreatedDetail {
        status: Some(Status::New),
        subject: Some("told".into()),
        assignee_id: Some(Given::None),
        requester_id: Some(8.try_into().unwrap()),
        updated_at: Some(at(800)),
        ..CreatedDetail::default()
    });
    let settled = one(present(900), None, 1, made.clone());
    let event = applied(&settled).0;
    let created = snapshot(event).created_as.as_deref().unwrap();
    assert_eq!((created.status, created.subject.as_str()), (Status::New, "told"));
    assert_eq!(created.requester_id.get(), 7, "the contact that the fetch brought along");
    let version = event.version.of_creation(created);
    assert_eq!((version.updated_at, version < event.version), (at(800), true));

    made.hint.detail =
        Some(CreatedDetail { status: Some(Status::Open), ..CreatedDetail::default() });
    let same = one(present(900), None, 1, made.clone());
    assert_eq!(snapshot(applied(&same).0).created_as, None, "it has not changed since");

    made.hint.detail =
        Some(CreatedDetail { status: Some(Status::Deleted), ..CreatedDetail::default() });
    let odd = one(present(900), None, 1, made);
    assert_eq!(snapshot(applied(&odd).0).created_as, None, "nothing is created deleted");
}

#[test]
fn a_ticket_that_does_not_read_is_fetched_again_for_ever_and_ever_less_often() {
    let wait = |attempt_count, age| {
        let waiting = WaitingHint { attempt_count, ..changed(900) };
        let (next, doubt) = again(&one(Shown::Unreadable, Some(900), age, waiting));
        assert_eq!(doubt, Doubt::Unreadable);
        next - age
    };
    assert_eq!([wait(0, 1), wait(1, 61), wait(11, 5_000)], [1, 2, 2_048]);
    assert_eq!([wait(12, 9_000), wait(4_000, 1_000_000)], [3_600, 3_600]);
}

#[test]
fn a_ticket_deleted_for_ever_is_so_whatever_a_fetch_shows() {
    for seen in [present(1), Shown::Absent, Shown::Unreadable] {
        let gone = hint("gone", HintKind::PermanentlyDeleted, 900);
        let settled = one(seen, None, 1, gone);
        assert_eq!(applied(&settled).0.body, EventBody::PermanentlyDeleted);
    }
}

#[test]
fn a_time_far_ahead_holds_nothing_up_and_makes_no_ticket_immovable() -> Result<(), Invalid> {
    let (near, far) = (RECEIVED + 300, RECEIVED + 302);
    assert_eq!(again(&one(present(900), None, 1, changed(near))).1, Doubt::Older);
    assert_eq!(applied(&one(present(900), None, 1, changed(far))).1, None);
    assert_eq!(applied(&one(Shown::Absent, Some(1), 1, changed(far))).0.version.updated_at, at(0));

    let settled = one(present(far), None, 1, changed(900));
    let event = applied(&settled).0;
    assert_eq!(event.version.updated_at, at(RECEIVED + 1), "when it was seen");
    assert_eq!(snapshot(event).ticket.updated_at, at(far), "as Zendesk has it");

    let mut made = hint("made", HintKind::Created, 900);
    made.hint.detail = Some(CreatedDetail {
        updated_at: Some(at(far).not_ahead_of(at(far))?),
        ..Default::default()
    });
    let settled = one(present(900), None, 1, made);
    assert_eq!(snapshot(applied(&settled).0).created_as, None);
    Ok(())
}
