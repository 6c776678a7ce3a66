//! What a person is shown before a connection is finished.

use crate::{
    domain::{FieldValue, HintKind, Ticket, TicketField, TriggerKind},
    proto::v1 as pb,
    zendesk::event_types,
};

/// The longest text shown, in characters: as much as a table has room for.
const MAX_SAMPLE_CHARACTERS: usize = 200;

/// The events that start automations, in the order of their kinds.
pub fn events() -> Vec<pb::EventPreview> {
    let previews = TriggerKind::ALL.iter().filter_map(|kind| {
        let number = pb::TriggerKind::from(*kind).into();
        let row = pb::TRIGGER_KINDS.iter().find(|row| row.number == number)?;
        let hint = match kind {
            TriggerKind::TicketCreated => HintKind::Created,
            TriggerKind::TicketUpdated => HintKind::Changed,
        };
        Some(pb::EventPreview {
            kind: number,
            name_nl: row.name_nl.into(),
            name_en: row.name_en.into(),
            zendesk_event_types: event_types(hint).collect(),
            ticket_fields: TicketField::ALL.map(|field| pb::TicketField::from(field).into()).into(),
            has_previous_values: *kind == TriggerKind::TicketUpdated,
        })
    });
    previews.collect()
}

/// The 22 fields, in order, with their values in a ticket where there is one.
pub fn ticket_object(sample: Option<&Ticket>) -> Vec<pb::TicketFieldPreview> {
    let fields = TicketField::ALL.into_iter().zip(pb::TICKET_FIELDS);
    fields
        .map(|(field, row)| pb::TicketFieldPreview {
            field: row.number,
            key: row.key.into(),
            label_nl: row.label_nl.into(),
            label_en: row.label_en.into(),
            r#type: row.field_type,
            object_column: row.object_column,
            sample_value: sample.map(|ticket| text(ticket.value(field))).unwrap_or_default(),
        })
        .collect()
}

fn text(value: FieldValue) -> String {
    match value {
        FieldValue::None => String::new(),
        FieldValue::Status(status) => status.as_str().into(),
        FieldValue::Priority(priority) => priority.as_str().into(),
        FieldValue::Type(ticket_type) => ticket_type.as_str().into(),
        FieldValue::Integer(id) => id.to_string(),
        FieldValue::Timestamp(time) => time.to_rfc_3339(),
        FieldValue::Text(text) => text.chars().take(MAX_SAMPLE_CHARACTERS).collect(),
    }
}
