//! What became of what people did, as lines a person can follow.

use std::io;

use anstyle::Style;

use super::{
    follower::Became,
    producer::Sent,
    screen::{CYAN, DIM, GREEN, PLAIN, RED, YELLOW},
    show::{NONE, Show, or_none},
    value::{value, word},
    zendesk::Fate,
};
use crate::proto::v1::{
    ErrorReason, EventOutcome, TICKET_FIELDS, TRIGGER_KINDS, TicketField, TriggerEvent,
    ingest_ticket_events_response::Answer,
};

impl Show {
    /// The help desk delivered an event, or did not.
    pub fn delivery(&mut self, ticket: i64, kind: &str, fate: Fate) -> io::Result<()> {
        let (style, fate) = match fate {
            Fate::Answered(status @ 200..=299) => (GREEN, status.to_string()),
            Fate::Answered(status) => (RED, status.to_string()),
            Fate::TimedOut => (RED, "TIMED_OUT".into()),
            Fate::Unreachable => (RED, "UNREACHABLE".into()),
            Fate::Dropped => (YELLOW, "DROPPED".into()),
            Fate::CircuitOpen => (RED, "CIRCUIT_OPEN".into()),
            Fate::WebhookGone => (RED, "WEBHOOK_GONE".into()),
            Fate::Overflowed => (RED, "OVERFLOWED".into()),
        };
        self.labelled(DIM, "webhook", &format!("#{ticket}  {kind}"), Some((style, &fate)))
    }

    /// A hint was settled by a fetch.
    pub fn fetched(&mut self, ticket: i64, kind: &str, became: Became) -> io::Result<()> {
        let style = match became {
            Became::Applied(outcome) => style(outcome),
            Became::Discarded => RED,
        };
        let what = format!("#{ticket}  {kind}");
        self.labelled(DIM, "fetched", &what, Some((style, became.as_str())))
    }

    /// A producer sent an event and was answered.
    pub fn sent(&mut self, sent: &Sent) -> io::Result<()> {
        let ticket = sent.event.ticket.as_ref().map_or(0, |ticket| ticket.id);
        let kind = word(sent.event.kind().as_str_name(), "TICKET_EVENT_KIND_");
        let (style, answer) = match &sent.answer {
            Answer::Result(result) if result.outcome() == EventOutcome::Duplicate => {
                (YELLOW, format!("DUPLICATE of {}", outcome(result.first_outcome())))
            }
            Answer::Result(result) => (style(result.outcome()), outcome(result.outcome()).into()),
            Answer::Error(error) => (RED, format!("{}: {}", reason(error.reason()), error.message)),
        };
        self.labelled(DIM, "producer", &format!("#{ticket}  {kind}"), Some((style, &answer)))
    }

    /// An event of the trigger log arrived.
    pub fn trigger(&mut self, event: &TriggerEvent) -> io::Result<()> {
        let row = TRIGGER_KINDS.iter().find(|row| row.number == event.kind);
        let name = row.map_or("", |row| self.either(row.name_nl, row.name_en));
        let contact = event.contact.as_ref().map_or(NONE, |contact| contact.name.as_str());
        let position = format!("log {}", event.position);
        let what = format!("#{}  {contact} · {name}", event.ticket_id);
        self.labelled(CYAN, &position, &what, None)?;
        let changes = self.changes(event);
        if changes.is_empty() {
            return Ok(());
        }
        self.labelled(PLAIN, "", &format!("       {changes}"), None)
    }

    /// The changed fields with their values before and after. `updated_at` changes with every
    /// update, and is shown only where nothing else did.
    fn changes(&self, event: &TriggerEvent) -> String {
        let (Some(ticket), Some(before)) = (&event.ticket, &event.previous_values) else {
            return String::new();
        };
        let telling = |field: &TicketField| {
            *field != TicketField::UpdatedAt || event.changed_fields.len() == 1
        };
        let changed: Vec<String> = event
            .changed_fields()
            .filter(telling)
            .map(|field| {
                let (before, after) = (value(before, field), value(ticket, field));
                format!("{} {} → {}", self.label(field), or_none(before), or_none(after))
            })
            .collect();
        changed.join(", ")
    }

    fn label(&self, field: TicketField) -> &'static str {
        let row = TICKET_FIELDS.iter().find(|row| row.number == i32::from(field));
        row.map_or("", |row| self.either(row.label_nl, row.label_en))
    }
}

impl Became {
    /// What became of it, as the contract names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied(applied) => outcome(applied),
            Self::Discarded => "DISCARDED",
        }
    }
}

/// An outcome as the contract names it.
fn outcome(outcome: EventOutcome) -> &'static str {
    outcome.as_str_name().trim_start_matches("EVENT_OUTCOME_")
}

fn reason(reason: ErrorReason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

/// Green for what changed an object, yellow for what changed nothing yet.
fn style(outcome: EventOutcome) -> Style {
    match outcome {
        EventOutcome::Created
        | EventOutcome::Updated
        | EventOutcome::Adopted
        | EventOutcome::Moved
        | EventOutcome::Deleted
        | EventOutcome::Restored
        | EventOutcome::Erased => GREEN,
        EventOutcome::Unspecified
        | EventOutcome::Unchanged
        | EventOutcome::Stale
        | EventOutcome::Duplicate
        | EventOutcome::Parked => YELLOW,
    }
}
