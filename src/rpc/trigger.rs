//! `TriggerService`: the trigger log on a stream.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AccountId, ConnectionId, ContactId, Cursor, Invalid, TicketId, TriggerContent,
        TriggerEvent, TriggerKind,
    },
    error::{Error, Result},
    proto::v1::{self as pb, tail_triggers_request::Start, trigger_service_server::TriggerService},
    rpc::{
        contact::contact_id,
        request::{account_id, connection_id, zendesk_id},
        ticket::unknown,
        ticket_field::previous_values,
        time::timestamp,
    },
    service::{Batch, Feed, StopAtHead, TailRequest, TailStart},
    store::{LoggedTrigger, TriggerFilter},
};

/// The most kinds a request may list: each, and some by mistake twice.
const MAX_KINDS: usize = 16;

/// Answers `TriggerService`.
pub struct TriggerApi {
    feed: Feed,
}

/// The messages of one tail.
type Messages = Pin<Box<dyn Stream<Item = Result<pb::TailTriggersResponse, Status>> + Send>>;

impl TriggerApi {
    /// Follows the feed's logs.
    #[must_use]
    pub const fn new(feed: Feed) -> Self {
        Self { feed }
    }

    fn tail(&self, request: pb::TailTriggersRequest) -> Result<Messages> {
        let tail = self.feed.tail(parse(request)?);
        let batches = stream::unfold(tail, async |mut tail| {
            let batch = tail.next().await?;
            Some((batch.map(Into::into).map_err(Into::into), tail))
        });
        Ok(batches.boxed())
    }
}

#[tonic::async_trait]
impl TriggerService for TriggerApi {
    type TailTriggersStream = Messages;

    async fn tail_triggers(
        &self,
        request: Request<pb::TailTriggersRequest>,
    ) -> Result<Response<Messages>, Status> {
        Ok(Response::new(self.tail(request.into_inner())?))
    }
}

fn parse(request: pb::TailTriggersRequest) -> Result<TailRequest> {
    let pb::TailTriggersRequest {
        account_id: account,
        start,
        kinds,
        contact_id: contact,
        ticket,
        stop_at_head,
        max_events,
    } = request;
    let account = account_id(account)?;
    let start = parse_start(start.ok_or_else(|| Error::missing("start"))?, &account)?;
    let max_events = u64::try_from(max_events)
        .map_err(|_| Error::invalid("max_events", Invalid::new("must be 0 or above")))?;
    Ok(TailRequest {
        start,
        filter: TriggerFilter {
            kind: parse_kinds(&kinds)?,
            contact: parse_contact(&contact)?,
            ticket: ticket.map(|ticket| parse_ticket(&ticket)).transpose()?,
        },
        stop_at_head: if stop_at_head { StopAtHead::Yes } else { StopAtHead::No },
        max_events: (max_events > 0).then_some(max_events),
        account,
    })
}

fn parse_start(start: Start, account: &AccountId) -> Result<TailStart> {
    match start {
        Start::Cursor(cursor) => Cursor::parse(&cursor, account)
            .map(TailStart::After)
            .map_err(|problem| Error::invalid("cursor", problem)),
        Start::CommitTime(time) => timestamp(&time)
            .map(TailStart::CommittedAt)
            .map_err(|problem| Error::invalid("commit_time", problem)),
        Start::StartPoint(point) => match pb::StartPoint::try_from(point) {
            Ok(pb::StartPoint::Earliest) => Ok(TailStart::Earliest),
            Ok(pb::StartPoint::Latest) => Ok(TailStart::Latest),
            Ok(pb::StartPoint::Unspecified) => Err(Error::missing("start_point")),
            Err(_) => Err(Error::invalid("start_point", unknown(point))),
        },
    }
}

/// There are two kinds: some of them are one, or no filter.
fn parse_kinds(kinds: &[i32]) -> Result<Option<TriggerKind>> {
    if kinds.len() > MAX_KINDS {
        let problem = format!("lists more than {MAX_KINDS}");
        return Err(Error::invalid("kinds", Invalid::new(problem)));
    }
    let (mut created, mut updated) = (None, None);
    for (index, kind) in kinds.iter().enumerate() {
        let field = format!("kinds[{index}]");
        match pb::TriggerKind::try_from(*kind) {
            Ok(pb::TriggerKind::TicketCreated) => created = Some(TriggerKind::TicketCreated),
            Ok(pb::TriggerKind::TicketUpdated) => updated = Some(TriggerKind::TicketUpdated),
            Ok(pb::TriggerKind::Unspecified) => return Err(Error::missing(field)),
            Err(_) => return Err(Error::invalid(field, unknown(*kind))),
        }
    }
    Ok(created.xor(updated))
}

fn parse_contact(id: &str) -> Result<Option<ContactId>> {
    if id.is_empty() { Ok(None) } else { contact_id(id).map(Some) }
}

fn parse_ticket(ticket: &pb::TicketName) -> Result<(ConnectionId, TicketId)> {
    let pb::TicketName { connection_id: connection, ticket_id } = ticket;
    Ok((
        connection_id(connection, "ticket.connection_id")?,
        zendesk_id(*ticket_id, "ticket.ticket_id")?,
    ))
}

impl From<Batch> for pb::TailTriggersResponse {
    fn from(batch: Batch) -> Self {
        let Batch { events, cursor, ends } = batch;
        Self {
            events: events.into_iter().map(|event| to_message(event, &cursor)).collect(),
            position: cursor.position.get(),
            cursor: cursor.to_text(),
            head_position: ends.head.get(),
            earliest_position: ends.floor.next().get(),
        }
    }
}

impl From<TriggerKind> for pb::TriggerKind {
    fn from(kind: TriggerKind) -> Self {
        match kind {
            TriggerKind::TicketCreated => Self::TicketCreated,
            TriggerKind::TicketUpdated => Self::TicketUpdated,
        }
    }
}

/// Writes an event of the log that this cursor is from.
fn to_message(logged: LoggedTrigger, cursor: &Cursor) -> pb::TriggerEvent {
    let LoggedTrigger { event, contact, bytes: _ } = logged;
    let TriggerEvent {
        position,
        kind,
        entropy,
        connection,
        ticket_id,
        observed,
        contact_id,
        committed_at,
        previous_position: _,
        content,
    } = event;
    let cursor = Cursor { position, check: entropy, ..cursor.clone() };
    let contact = contact.filter(|_| content.is_some());
    let mut message = pb::TriggerEvent {
        account_id: connection.account.to_string(),
        position: position.get(),
        cursor: cursor.to_text(),
        kind: pb::TriggerKind::from(kind).into(),
        connection_id: connection.connection.to_string(),
        ticket_id: ticket_id.get(),
        event_id: observed.event_id.name().to_owned(),
        event_source: pb::EventSource::from(observed.event_id.source()).into(),
        event_time: Some(observed.at.into()),
        commit_time: Some(committed_at.into()),
        erased: content.is_none(),
        contact: Some(pb::TriggerContact {
            contact_id: contact_id.to_string(),
            email: contact.as_ref().map_or("", |contact| contact.email.as_str()).into(),
            name: contact.map(|contact| contact.name).unwrap_or_default(),
        }),
        ..pb::TriggerEvent::default()
    };
    if let Some(TriggerContent { ticket, changes }) = content {
        message.ticket = Some(ticket.into());
        message.changed_fields =
            changes.iter().map(|change| pb::TicketField::from(change.field).into()).collect();
        message.previous_values = (!changes.is_empty()).then(|| previous_values(changes));
    }
    message
}
