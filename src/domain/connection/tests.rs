//! Which verb leads a connection from which state to which.

use super::{ConnectionState::*, *};

fn connection(state: ConnectionState) -> Connection {
    let key = ConnectionKey {
        account: AccountId::try_from("acme".to_owned()).unwrap(),
        connection: ConnectionId(Uuid::nil()),
    };
    Connection { state, ..Connection::started(key, "acme".parse().unwrap(), at(1)) }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

#[test]
fn a_new_connection_waits_for_its_authorisation() {
    assert_eq!(connection(AwaitingAuthorization).state, AwaitingAuthorization);
    assert_eq!(connection(AwaitingAuthorization).authorized_at, None);
}

#[test]
fn authorising_a_finished_connection_puts_it_back_to_work_and_any_other_awaits_mapping() {
    for (before, after) in [
        (AwaitingAuthorization, AwaitingMapping),
        (AwaitingMapping, AwaitingMapping),
        (Active, Active),
        (NeedsReauthorization, Active),
        (Disconnected, AwaitingMapping),
    ] {
        let authorized = connection(before).authorized(at(2));
        assert_eq!(authorized.state, after, "{before:?}");
        assert_eq!(authorized.authorized_at, Some(at(2)));
    }
}

#[test]
fn only_an_authorised_connection_can_be_finished() {
    for state in [AwaitingAuthorization, NeedsReauthorization, Disconnected] {
        assert_eq!(connection(state).finished(at(2)), None, "{state:?}");
    }
    let finished = connection(AwaitingMapping).finished(at(2)).unwrap();
    assert_eq!((finished.state, finished.finished_at), (Active, Some(at(2))));
}

#[test]
fn finishing_an_active_connection_changes_nothing() {
    let active = connection(AwaitingMapping).finished(at(2)).unwrap();
    assert_eq!(active.clone().finished(at(3)), Some(active));
}

#[test]
fn every_connection_can_be_ended_and_keeps_its_history() {
    for state in ConnectionState::ALL {
        let ended = connection(*state).authorized(at(2)).disconnected(Tokens::Held);
        assert_eq!((ended.state, ended.authorized_at), (Disconnected, Some(at(2))));
    }
}

#[test]
fn a_webhook_is_wanted_from_the_finish_to_the_end() {
    let authorized = connection(AwaitingMapping);
    assert_eq!(authorized.webhook, WebhookState::Absent);
    let finished = authorized.finished(at(2)).unwrap();
    assert_eq!(finished.webhook, WebhookState::Pending);
    let registered = Connection { webhook: WebhookState::Registered, ..finished };
    assert_eq!(registered.clone().finished(at(3)).unwrap().webhook, WebhookState::Registered);
    assert_eq!(registered.clone().authorized(at(3)).webhook, WebhookState::Registered);
    let ended = registered.disconnected(Tokens::Held);
    assert_eq!(ended.webhook, WebhookState::Removing);
    assert_eq!(ended.clone().removed().webhook, WebhookState::Absent);
    let again = ended.authorized(at(4)).finished(at(5)).unwrap();
    assert_eq!(again.webhook, WebhookState::Pending, "what was to be removed is wanted again");
}

#[test]
fn without_tokens_there_is_nothing_to_take_away() {
    let ended = connection(AwaitingAuthorization).disconnected(Tokens::None);
    assert_eq!(ended.webhook, WebhookState::Absent);
}

#[test]
fn tokens_that_died_have_to_be_given_anew() {
    for (before, after) in [
        (AwaitingAuthorization, AwaitingAuthorization),
        (AwaitingMapping, AwaitingAuthorization),
        (Active, NeedsReauthorization),
        (NeedsReauthorization, NeedsReauthorization),
        (Disconnected, Disconnected),
    ] {
        assert_eq!(connection(before).unauthorized().state, after, "{before:?}");
    }
}

#[test]
fn tokens_that_live_after_all_undo_that_they_were_taken_for_dead() {
    for state in [AwaitingMapping, Active, Disconnected] {
        let before = connection(state);
        assert_eq!(before.clone().unauthorized().revived(), before, "{state:?}");
        assert_eq!(before.clone().revived(), before, "{state:?}");
    }
}

#[test]
fn rule_2_only_active_and_needs_reauthorisation_take_events() {
    for state in ConnectionState::ALL {
        let takes = matches!(state, Active | NeedsReauthorization);
        assert_eq!(state.accepts_events(), takes, "{state:?}");
    }
}
