//! What has to be true after a soak, each breach as a sentence.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use prost::Message as _;
use ticketsync::{
    domain::Timestamp,
    proto::v1::{TriggerEvent, TriggerKind},
    sandbox::zendesk::RequestRecord,
};

/// The call that asks for tokens.
pub const TOKENS: &str = "/oauth/tokens";
/// How long after its answer was sent new tokens may not be stored yet.
const STORING: Duration = Duration::from_secs(2);
/// The call that fetches tickets.
pub const FETCH: &str = "/api/v2/tickets/show_many.json";

/// The calls that fetched tickets, or tried to.
pub fn fetches(calls: &[RequestRecord]) -> impl Iterator<Item = &RequestRecord> {
    calls.iter().filter(|call| call.path == FETCH)
}

/// Where a ticket was fetched by one replica while another was fetching it. Replicas are told apart by
/// which address of the help desk they call.
pub fn fetched_by_two_at_once(calls: &[RequestRecord]) -> Vec<String> {
    let mut by_ticket: BTreeMap<i64, Vec<&RequestRecord>> = BTreeMap::new();
    for call in fetches(calls) {
        call.ids.iter().for_each(|id| by_ticket.entry(*id).or_default().push(call));
    }
    let mut breaches = Vec::new();
    for (id, mut calls) in by_ticket {
        calls.sort_by_key(|call| call.started_at);
        for (n, earlier) in calls.iter().enumerate() {
            let end = earlier.ended_at.unwrap_or(Timestamp::MAX);
            let during = calls[n + 1..].iter().take_while(|later| later.started_at < end);
            for later in during.filter(|later| later.called != earlier.called) {
                let (one, other) = (earlier.called, later.called);
                breaches.push(format!("#{id} was fetched at {one:?} and {other:?} at once"));
            }
        }
    }
    breaches
}

/// Whether a replica was killed between the answer that brought new tokens and their storing: so, and
/// only so, may it come about that the help desk refuses the old ones.
pub fn tokens_were_lost_by_a_kill(calls: &[RequestRecord], kills: &[Timestamp]) -> bool {
    let asked: Vec<_> = calls.iter().filter(|call| call.path == TOKENS).collect();
    let refused = asked.iter().rposition(|call| call.status == Some(400));
    let Some(lost) = refused.and_then(|at| asked.get(at.checked_sub(1)?)) else { return false };
    let stored_by = match (lost.ended_at, lost.status) {
        (Some(ended_at), Some(200)) => ended_at.plus(STORING),
        // Its caller was gone before the answer.
        (Some(ended_at), None) => ended_at,
        (_, _) => return false,
    };
    kills.iter().any(|killed_at| (lost.started_at..=stored_by).contains(killed_at))
}

/// What is wrong with a log that was read whole: positions, and triggers that tell nothing new.
pub fn unsound(log: &[TriggerEvent]) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut created = HashSet::new();
    let mut states = HashMap::new();
    let mut newest = HashMap::new();
    for (expected, event) in (1..).zip(log) {
        if event.position != expected {
            breaches.push(format!("position {} stands in place of {expected}", event.position));
        }
        let ticket = (event.connection_id.as_str(), event.ticket_id);
        let name = format!("#{} of {}", event.ticket_id, event.connection_id);
        if event.kind() == TriggerKind::TicketCreated {
            if !created.insert(ticket) {
                breaches.push(format!("{name} was created twice"));
            }
            continue;
        }
        // What is erased tells nothing any more.
        let Some(state) = event.ticket.as_ref().filter(|_| !event.erased) else { continue };
        if let Some(first) = states.insert((ticket, state.encode_to_vec()), expected) {
            breaches.push(format!("{name} was updated to one state twice: {first}, {expected}"));
        }
        if event.changed_fields.is_empty() {
            breaches.push(format!("{name} was updated without a change, at {}", event.position));
        }
        let moment = |time: Option<prost_types::Timestamp>| time.map(|it| (it.seconds, it.nanos));
        let version = (moment(state.updated_at), moment(event.event_time));
        if newest.insert(ticket, version).is_some_and(|before| before >= version) {
            breaches.push(format!("{name} went backwards at {}", event.position));
        }
    }
    breaches
}

/// Tickets of a connection whose creation the log does not tell as it should: of the new ones it has to
/// be told, unless it still waits for the address of who created it, of the old ones it may not.
pub fn wrongly_announced(
    log: &[TriggerEvent],
    connection_id: &str,
    new: &BTreeSet<i64>,
    waiting: &BTreeSet<i64>,
    old: &BTreeSet<i64>,
) -> Vec<String> {
    let created = log.iter().filter(|event| event.kind() == TriggerKind::TicketCreated);
    let told: BTreeSet<i64> = created
        .filter(|event| event.connection_id == connection_id)
        .map(|event| event.ticket_id)
        .collect();
    let untold = new.difference(&told).filter(|id| !waiting.contains(id));
    let untold = untold.map(|id| format!("#{id} was created, and nobody is told"));
    let adopted = old.intersection(&told).map(|id| format!("#{id} is old, and told as created"));
    untold.chain(adopted).collect()
}
