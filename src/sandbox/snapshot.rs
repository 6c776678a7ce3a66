//! What the help desk's API shows, in the words of the contract.

use super::zendesk::Ticket;
use crate::{
    domain::{Status, TicketPriority, TicketType, Timestamp},
    proto::v1 as pb,
};

/// A moment of our clock.
#[must_use]
pub fn time(moment: Timestamp) -> prost_types::Timestamp {
    let micros = moment.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default(),
    }
}

/// A ticket with all its fields: destructured, so that none can be forgotten.
#[must_use]
pub fn ticket(ticket: &Ticket) -> pb::Ticket {
    let Ticket {
        url,
        id,
        external_id,
        created_at,
        updated_at,
        generated_timestamp: _,
        ticket_type,
        subject,
        raw_subject,
        description,
        priority,
        status,
        recipient,
        requester_id,
        submitter_id,
        assignee_id,
        organization_id,
        group_id,
        forum_topic_id,
        problem_id,
        due_at,
        brand_id,
        ticket_form_id,
    } = ticket.clone();
    pb::Ticket {
        status: status_of(status).into(),
        id,
        priority: priority.map_or(pb::TicketPriority::Unspecified, priority_of).into(),
        r#type: ticket_type.map_or(pb::TicketType::Unspecified, type_of).into(),
        updated_at: Some(seconds(updated_at)),
        assignee_id,
        brand_id,
        created_at: Some(seconds(created_at)),
        description,
        due_at: due_at.map(seconds),
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
    }
}

fn seconds(moment: jiff::Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: moment.as_second(), nanos: moment.subsec_nanosecond() }
}

fn status_of(status: Status) -> pb::TicketStatus {
    match status {
        Status::New => pb::TicketStatus::New,
        Status::Open => pb::TicketStatus::Open,
        Status::Pending => pb::TicketStatus::Pending,
        Status::Hold => pb::TicketStatus::Hold,
        Status::Solved => pb::TicketStatus::Solved,
        Status::Closed => pb::TicketStatus::Closed,
        Status::Deleted => pb::TicketStatus::Deleted,
    }
}

fn priority_of(priority: TicketPriority) -> pb::TicketPriority {
    match priority {
        TicketPriority::Low => pb::TicketPriority::Low,
        TicketPriority::Normal => pb::TicketPriority::Normal,
        TicketPriority::High => pb::TicketPriority::High,
        TicketPriority::Urgent => pb::TicketPriority::Urgent,
    }
}

fn type_of(ticket_type: TicketType) -> pb::TicketType {
    match ticket_type {
        TicketType::Problem => pb::TicketType::Problem,
        TicketType::Incident => pb::TicketType::Incident,
        TicketType::Question => pb::TicketType::Question,
        TicketType::Task => pb::TicketType::Task,
    }
}
