//! The ticket object as the contract has it: its columns, its rows, its whole tickets.

use crate::{
    domain::{ObjectRow, SyncedTicket},
    proto::v1 as pb,
    rpc::ticket::{priority, ticket_type},
};

/// The five columns of the ticket object, in order.
pub fn columns(language: pb::Language) -> Vec<pb::TicketObjectColumn> {
    pb::TICKET_FIELDS
        .iter()
        .filter(|field| field.object_column)
        .map(|field| pb::TicketObjectColumn {
            field: field.number,
            key: field.key.into(),
            label: match language {
                pb::Language::Unspecified | pb::Language::Nl => field.column_label_nl,
                pb::Language::En => field.column_label_en,
            }
            .into(),
        })
        .collect()
}

impl From<SyncedTicket> for pb::SyncedTicket {
    fn from(ticket: SyncedTicket) -> Self {
        let SyncedTicket { connection_id, contact_id, ticket } = ticket;
        Self {
            connection_id: connection_id.to_string(),
            contact_id: contact_id.to_string(),
            ticket: Some(ticket.into()),
        }
    }
}

impl From<ObjectRow> for pb::TicketObjectRow {
    fn from(row: ObjectRow) -> Self {
        let ObjectRow { place, status, priority: urgency, ticket_type: kind, updated_at } = row;
        Self {
            connection_id: place.connection_id.to_string(),
            status: pb::TicketStatus::from(status).into(),
            ticket_id: place.ticket_id.get(),
            priority: priority(urgency),
            r#type: ticket_type(kind),
            update_time: Some(updated_at.into()),
        }
    }
}
