//! Tickets between the contract and the domain.

use crate::{
    domain::{Invalid, Status, Ticket, TicketPriority, TicketType, Timestamp, ZendeskId, text},
    error::{Error, Result},
    proto::v1 as pb,
    rpc::{request::zendesk_id, time::timestamp},
};

/// Reads the ticket in the field of this path. `now` bounds its times.
pub fn parse(ticket: pb::Ticket, path: &str, now: Timestamp) -> Result<Ticket> {
    // Destructured whole, so that a new field of the contract breaks the build here.
    let pb::Ticket {
        status,
        id,
        priority,
        r#type,
        updated_at,
        assignee_id,
        brand_id,
        created_at,
        description,
        due_at,
        external_id,
        forum_topic_id,
        group_id,
        organization_id,
        problem_id,
        raw_subject,
        recipient,
        requester_id,
        subject,
        submitter_id,
        ticket_form_id,
        url,
    } = ticket;
    let at = Path(path);
    Ok(Ticket {
        status: at.parse("status", status, parse_status)?,
        id: zendesk_id(id, &at.field("id"))?,
        priority: at.parse("priority", priority, parse_priority)?,
        ticket_type: at.parse("type", r#type, parse_type)?,
        updated_at: at.time("updated_at", updated_at, now)?,
        assignee_id: at.id("assignee_id", assignee_id)?,
        brand_id: at.id("brand_id", brand_id)?,
        created_at: at.time("created_at", created_at, now)?,
        description: at.text("description", description, Ticket::MAX_DESCRIPTION_BYTES)?,
        due_at: due_at.map(|due| at.parse("due_at", due, |due| timestamp(&due))).transpose()?,
        external_id: at.line("external_id", external_id)?,
        forum_topic_id: at.id("forum_topic_id", forum_topic_id)?,
        group_id: at.id("group_id", group_id)?,
        organization_id: at.id("organization_id", organization_id)?,
        problem_id: at.id("problem_id", problem_id)?,
        raw_subject: at.text("raw_subject", raw_subject, Ticket::MAX_LINE_BYTES)?,
        recipient: at.line("recipient", recipient)?,
        requester_id: zendesk_id(requester_id, &at.field("requester_id"))?,
        subject: at.text("subject", subject, Ticket::MAX_LINE_BYTES)?,
        submitter_id: at.id("submitter_id", submitter_id)?,
        ticket_form_id: at.id("ticket_form_id", ticket_form_id)?,
        url: at.text("url", url, Ticket::MAX_URL_BYTES)?,
    })
}

/// The path of a message, for naming its fields in errors.
struct Path<'a>(&'a str);

impl Path<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    fn parse<T, U>(
        &self,
        name: &str,
        value: T,
        parse: impl FnOnce(T) -> Result<U, Invalid>,
    ) -> Result<U> {
        parse(value).map_err(|problem| Error::invalid(self.field(name), problem))
    }

    fn text(&self, name: &str, value: String, max_bytes: usize) -> Result<String> {
        self.parse(name, value, |value| text(value, max_bytes))
    }

    fn line(&self, name: &str, value: Option<String>) -> Result<Option<String>> {
        value.map(|value| self.text(name, value, Ticket::MAX_LINE_BYTES)).transpose()
    }

    fn id(&self, name: &str, value: Option<i64>) -> Result<Option<ZendeskId>> {
        value.map(|value| self.parse(name, value, ZendeskId::try_from)).transpose()
    }

    fn time(
        &self,
        name: &str,
        value: Option<prost_types::Timestamp>,
        now: Timestamp,
    ) -> Result<Timestamp> {
        let value = value.ok_or_else(|| Error::missing(self.field(name)))?;
        self.parse(name, value, |value| timestamp(&value)?.not_ahead_of(now))
    }
}

fn parse_status(status: i32) -> Result<Status, Invalid> {
    Ok(match pb::TicketStatus::try_from(status).map_err(|_| unknown(status))? {
        pb::TicketStatus::Unspecified => return Err(Invalid::new("is required")),
        pb::TicketStatus::New => Status::New,
        pb::TicketStatus::Open => Status::Open,
        pb::TicketStatus::Pending => Status::Pending,
        pb::TicketStatus::Hold => Status::Hold,
        pb::TicketStatus::Solved => Status::Solved,
        pb::TicketStatus::Closed => Status::Closed,
        pb::TicketStatus::Deleted => Status::Deleted,
    })
}

fn parse_priority(priority: i32) -> Result<Option<TicketPriority>, Invalid> {
    Ok(match pb::TicketPriority::try_from(priority).map_err(|_| unknown(priority))? {
        pb::TicketPriority::Unspecified => None,
        pb::TicketPriority::Low => Some(TicketPriority::Low),
        pb::TicketPriority::Normal => Some(TicketPriority::Normal),
        pb::TicketPriority::High => Some(TicketPriority::High),
        pb::TicketPriority::Urgent => Some(TicketPriority::Urgent),
    })
}

fn parse_type(r#type: i32) -> Result<Option<TicketType>, Invalid> {
    Ok(match pb::TicketType::try_from(r#type).map_err(|_| unknown(r#type))? {
        pb::TicketType::Unspecified => None,
        pb::TicketType::Problem => Some(TicketType::Problem),
        pb::TicketType::Incident => Some(TicketType::Incident),
        pb::TicketType::Question => Some(TicketType::Question),
        pb::TicketType::Task => Some(TicketType::Task),
    })
}

/// Refuses an enum's number that this version of the contract does not have.
pub fn unknown(number: i32) -> Invalid {
    Invalid::new(format!("has no value with the number {number}"))
}

impl From<Status> for pb::TicketStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::New => Self::New,
            Status::Open => Self::Open,
            Status::Pending => Self::Pending,
            Status::Hold => Self::Hold,
            Status::Solved => Self::Solved,
            Status::Closed => Self::Closed,
            Status::Deleted => Self::Deleted,
        }
    }
}

impl From<TicketPriority> for pb::TicketPriority {
    fn from(priority: TicketPriority) -> Self {
        match priority {
            TicketPriority::Low => Self::Low,
            TicketPriority::Normal => Self::Normal,
            TicketPriority::High => Self::High,
            TicketPriority::Urgent => Self::Urgent,
        }
    }
}

impl From<TicketType> for pb::TicketType {
    fn from(r#type: TicketType) -> Self {
        match r#type {
            TicketType::Problem => Self::Problem,
            TicketType::Incident => Self::Incident,
            TicketType::Question => Self::Question,
            TicketType::Task => Self::Task,
        }
    }
}

/// The number of a priority; none is unspecified.
pub fn priority(priority: Option<TicketPriority>) -> i32 {
    priority.map_or(pb::TicketPriority::Unspecified, Into::into).into()
}

/// The number of a type; none is unspecified.
pub fn ticket_type(r#type: Option<TicketType>) -> i32 {
    r#type.map_or(pb::TicketType::Unspecified, Into::into).into()
}

impl From<Ticket> for pb::Ticket {
    fn from(ticket: Ticket) -> Self {
        let Ticket {
            status,
            id,
            priority,
            ticket_type,
            updated_at,
            assignee_id,
            brand_id,
            created_at,
            description,
            due_at,
            external_id,
            forum_topic_id,
            group_id,
            organization_id,
            problem_id,
            raw_subject,
            recipient,
            requester_id,
            subject,
            submitter_id,
            ticket_form_id,
            url,
        } = ticket;
        Self {
            status: pb::TicketStatus::from(status).into(),
            id: id.get(),
            priority: self::priority(priority),
            r#type: self::ticket_type(ticket_type),
            updated_at: Some(updated_at.into()),
            assignee_id: assignee_id.map(ZendeskId::get),
            brand_id: brand_id.map(ZendeskId::get),
            created_at: Some(created_at.into()),
            description,
            due_at: due_at.map(Into::into),
            external_id,
            forum_topic_id: forum_topic_id.map(ZendeskId::get),
            group_id: group_id.map(ZendeskId::get),
            organization_id: organization_id.map(ZendeskId::get),
            problem_id: problem_id.map(ZendeskId::get),
            raw_subject,
            recipient,
            requester_id: requester_id.get(),
            subject,
            submitter_id: submitter_id.map(ZendeskId::get),
            ticket_form_id: ticket_form_id.map(ZendeskId::get),
            url,
        }
    }
}
