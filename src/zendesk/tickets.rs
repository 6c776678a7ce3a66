//! Tickets with their requesters, many in one call.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Client, Rate, Result,
    answer::{Answer, send_within, undocumented},
    fields::{Fault, Fields, id, line, time, word},
    users::{id_list, requesters},
};
use crate::domain::{
    Invalid, Requester, Secret, Status, Subdomain, Ticket, TicketId, Timestamp, ZendeskId,
};

/// The largest answer read about tickets: 100 of them with descriptions of 64 KiB are 6.4 MiB, JSON
/// may write each byte of those as several, and accounts add fields of their own.
const MAX_TICKETS_BYTES: usize = 32 * 1024 * 1024;

/// Tickets that were asked for, and users that came along.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// A ticket that Zendesk leaves out is not among them: it was deleted, or is not there yet.
    pub tickets: BTreeMap<TicketId, Result<Ticket, Unreadable>>,
    /// Whoever Zendesk named, requesters or not.
    pub requesters: BTreeMap<ZendeskId, Requester>,
    /// None where Zendesk does not say, or was not asked.
    pub rate: Option<Rate>,
}

/// A ticket that does not fit: the same call would tell the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Unreadable {
    /// The field at fault, by its name at Zendesk; `ticket` where it is the whole.
    pub field: &'static str,
    pub problem: Invalid,
}

#[derive(Deserialize)]
struct TicketsAnswer<'a> {
    /// Unread, so that one which does not read keeps no other back.
    #[serde(borrow)]
    tickets: Vec<&'a RawValue>,
    #[serde(borrow)]
    users: Option<Vec<&'a RawValue>>,
}

/// Of a ticket only what names it, whatever its other fields hold.
#[derive(Deserialize)]
struct NamedTicket {
    id: Value,
}

impl Client {
    /// Fetches tickets, at most [`super::MAX_IDS`], and what users come along. Without any id Zendesk is
    /// not asked.
    ///
    /// # Errors
    /// What Zendesk answers; [`super::Error::TooLarge`], where asking for fewer helps;
    /// [`super::Error::TooManyIds`].
    pub async fn show_tickets(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        ids: &[TicketId],
    ) -> Result<Fetched> {
        if ids.is_empty() {
            return Ok(Fetched::default());
        }
        let path = format!("/api/v2/tickets/show_many.json?ids={}&include=users", id_list(ids)?);
        let answer = send_within(self.bulk(subdomain, token, &path), MAX_TICKETS_BYTES).await?;
        read(&answer, ids)
    }
}

impl Fetched {
    /// The requesters of the tickets who did not come along: to be asked for by
    /// [`Client::show_users`]. One whom Zendesk does not know stays among them.
    #[must_use]
    pub fn missing_requesters(&self) -> Vec<ZendeskId> {
        let readable = self.tickets.values().flatten();
        let missing: BTreeSet<ZendeskId> = readable
            .map(|ticket| ticket.requester_id)
            .filter(|id| !self.requesters.contains_key(id))
            .collect();
        missing.into_iter().collect()
    }
}

/// Reads an answer. One that holds a ticket without an id is refused whole: the ticket that it is
/// would be taken for absent, and so for deleted.
fn read(answer: &Answer, asked: &[TicketId]) -> Result<Fetched> {
    let body: TicketsAnswer<'_> = answer.json(&[StatusCode::OK])?;
    let mut tickets = BTreeMap::new();
    for ticket in body.tickets {
        let named: NamedTicket = serde_json::from_str(ticket.get()).map_err(|_| undocumented())?;
        let id = id(&named.id).ok().flatten().ok_or_else(undocumented)?;
        if asked.contains(&id) {
            tickets.insert(id, parse(id, ticket).map_err(Unreadable::from));
        }
    }
    let requesters = requesters(&body.users.unwrap_or_default());
    Ok(Fetched { tickets, requesters, rate: answer.rate })
}

/// Reads a ticket. Every field but its id may be null: a status that was never set is that of a new
/// ticket, a missing text is empty, and of two times one stands for the other. Without either of the
/// two a ticket is older than any that has one. Only a ticket without a requester is nobody's.
fn parse(id: TicketId, ticket: &RawValue) -> Result<Ticket, Fault> {
    let ticket: Value = serde_json::from_str(ticket.get())
        .map_err(|_| Fault { field: "ticket", problem: Invalid::new("is no JSON object") })?;
    let ticket = Fields(&ticket);
    let read_id = |field| ticket.read(field, self::id);
    let short = |field| ticket.read(field, line(Ticket::MAX_LINE_BYTES));
    let text =
        |field, max_bytes| ticket.read(field, line(max_bytes)).map(Option::unwrap_or_default);
    let moment = |field| ticket.read(field, time);
    let (created_at, updated_at) = (moment("created_at")?, moment("updated_at")?);
    Ok(Ticket {
        status: ticket.read("status", word)?.unwrap_or(Status::New),
        id,
        priority: ticket.read("priority", word)?,
        ticket_type: ticket.read("type", word)?,
        updated_at: updated_at.or(created_at).unwrap_or(Timestamp::EPOCH),
        assignee_id: read_id("assignee_id")?,
        brand_id: read_id("brand_id")?,
        created_at: created_at.or(updated_at).unwrap_or(Timestamp::EPOCH),
        description: text("description", Ticket::MAX_DESCRIPTION_BYTES)?,
        due_at: moment("due_at")?,
        external_id: short("external_id")?.filter(|text| !text.is_empty()),
        forum_topic_id: read_id("forum_topic_id")?,
        group_id: read_id("group_id")?,
        organization_id: read_id("organization_id")?,
        problem_id: read_id("problem_id")?,
        raw_subject: text("raw_subject", Ticket::MAX_LINE_BYTES)?,
        recipient: short("recipient")?.filter(|text| !text.is_empty()),
        requester_id: read_id("requester_id")?
            .ok_or_else(|| Fault { field: "requester_id", problem: Invalid::new("is missing") })?,
        subject: text("subject", Ticket::MAX_LINE_BYTES)?,
        submitter_id: read_id("submitter_id")?,
        ticket_form_id: read_id("ticket_form_id")?,
        url: text("url", Ticket::MAX_URL_BYTES)?,
    })
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        let Fault { field, problem } = fault;
        Self { field, problem }
    }
}
