//! Hints between the contract and the domain.

use uuid::Uuid;

use crate::{
    domain::{
        ConnectionKey, Delay, EventId, EventSource, Hint, HintKind, Invalid, Timestamp, WaitingHint,
    },
    error::{Error, Result},
    proto::v1 as pb,
    rpc::request::zendesk_id,
};

/// The most tickets that one call has fetched: what one call to Zendesk answers.
const MAX_REFETCHED: usize = 100;

/// The hints that have these tickets fetched, each under an id of its own.
pub fn of_tickets(ids: &[i64], now: Timestamp) -> Result<Vec<Hint>> {
    if !(1..=MAX_REFETCHED).contains(&ids.len()) {
        let problem = Invalid::new(format!("must hold 1 to {MAX_REFETCHED} ids"));
        return Err(Error::invalid("ticket_ids", problem));
    }
    let hint = |(at, id): (usize, &i64)| {
        let name = Uuid::new_v4().to_string();
        Ok(Hint {
            ticket_id: zendesk_id(*id, &format!("ticket_ids[{at}]"))?,
            id: EventId::of(EventSource::Service, name)
                .map_err(|problem| Error::Internal(problem.0))?,
            kind: HintKind::Changed,
            occurred_at: Some(now),
            updated_at: None,
            detail: None,
        })
    };
    ids.iter().enumerate().map(hint).collect()
}

/// What is told of a hint that waits. Where Zendesk did not say when it happened, it is when it came.
pub fn waiting(connection: &ConnectionKey, hint: WaitingHint) -> pb::Event {
    let WaitingHint { hint, received_at, due_at, attempt_count, delay } = hint;
    pb::Event {
        connection_id: connection.connection.to_string(),
        event_id: hint.id.name().to_owned(),
        result: None,
        receive_time: Some(received_at.into()),
        event_source: pb::EventSource::from(hint.id.source()).into(),
        hint: Some(pb::WaitingHint {
            ticket_id: hint.ticket_id.get(),
            event_time: Some(hint.occurred_at.unwrap_or(received_at).into()),
            next_attempt_time: Some(due_at.into()),
            attempt_count,
            delay: delay.map_or(pb::HintDelay::Unspecified, Into::into).into(),
        }),
    }
}

impl From<Delay> for pb::HintDelay {
    fn from(delay: Delay) -> Self {
        match delay {
            Delay::NotShown => Self::NotShown,
            Delay::Unreadable => Self::Unreadable,
            Delay::NotApplied => Self::NotApplied,
        }
    }
}
