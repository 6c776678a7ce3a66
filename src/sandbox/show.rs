//! What happened, as lines a person can follow.

use std::io;

use anstyle::Style;
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{
    carrier::Delivery,
    compare::Comparison,
    options::Labels,
    screen::{BOLD, CYAN, DIM, GREEN, PLAIN, RED, Screen, Span, YELLOW},
    value::{time, value, word},
};
use crate::proto::v1::{
    Contact, ErrorReason, EventOutcome, TICKET_FIELDS, TRIGGER_KINDS, TicketField, TicketObject,
    TriggerEvent, ingest_ticket_events_response::Answer,
};

/// The columns left of the text: indent, who, and which ticket.
const INDENT: &str = "    ";
const WHO_WIDTH: usize = 9;
/// Shown for a field without a value.
const NONE: &str = "–";

/// Tells the story on the terminal.
pub struct Show {
    pub screen: Screen,
    labels: Labels,
    chapter: usize,
}

impl Show {
    /// Begins at chapter 1.
    #[must_use]
    pub fn new(labels: Labels) -> Self {
        Self { screen: Screen::open(), labels, chapter: 0 }
    }

    /// Opens a chapter: what happens, and the rule it shows.
    pub fn chapter(&mut self, title: &str, rule: &str) -> io::Result<()> {
        self.chapter += 1;
        self.screen.gap()?;
        let number = format!("{:>2}  ", self.chapter);
        self.screen.line(&[(CYAN, &number)], (BOLD, title), &[])?;
        self.screen.paragraph(DIM, INDENT.len(), rule)
    }

    /// Somebody did something, with or without a result.
    pub fn step(&mut self, who: &str, what: &str, result: &str) -> io::Result<()> {
        self.labelled(PLAIN, who, what, Some((GREEN, result)))
    }

    /// A customer or agent did something to a ticket.
    pub fn person(&mut self, who: &str, ticket: i64, what: &str) -> io::Result<()> {
        self.labelled(PLAIN, who, &format!("#{ticket}  {what}"), None)
    }

    /// The carrier sent an event and was answered.
    pub fn delivery(&mut self, delivery: &Delivery) -> io::Result<()> {
        let ticket = delivery.event.ticket.as_ref().map_or(0, |ticket| ticket.id);
        let kind = word(delivery.event.kind().as_str_name(), "TICKET_EVENT_KIND_");
        let (style, answer) = match &delivery.answer {
            Answer::Result(result) if result.outcome() == EventOutcome::Duplicate => {
                (YELLOW, format!("DUPLICATE of {}", outcome(result.first_outcome())))
            }
            Answer::Result(result) => (style(result.outcome()), outcome(result.outcome()).into()),
            Answer::Error(error) => (RED, format!("{}: {}", reason(error.reason()), error.message)),
        };
        self.labelled(DIM, "carrier", &format!("#{ticket}  {kind}"), Some((style, &answer)))
    }

    /// An event of the trigger log arrived.
    pub fn trigger(&mut self, event: &TriggerEvent) -> io::Result<()> {
        let row = TRIGGER_KINDS.iter().find(|row| row.number == event.kind);
        let name = row.map_or("", |row| match self.labels {
            Labels::Nl => row.name_nl,
            Labels::En => row.name_en,
        });
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

    /// A contact's profile: its tag, and its ticket object as a table.
    pub fn profile(&mut self, contact: &Contact, object: &TicketObject) -> io::Result<()> {
        self.screen.gap()?;
        let tags = match contact.tags.as_slice() {
            [] => String::new(),
            tags => format!("  [{}]", tags.join("] [")),
        };
        self.screen.line(
            &[(BOLD, &format!("{INDENT}{}", contact.name)), (PLAIN, "  ")],
            (PLAIN, &contact.email),
            &[(GREEN, &tags)],
        )?;
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        let room = self.screen.width().saturating_sub(INDENT.len());
        table.set_width(u16::try_from(room).unwrap_or(u16::MAX));
        table.set_header(object.columns.iter().map(|column| column.label.as_str()));
        for row in &object.rows {
            table.add_row(object.columns.iter().map(|column| match column.field() {
                TicketField::Status => word(row.status().as_str_name(), "TICKET_STATUS_"),
                TicketField::Id => row.ticket_id.to_string(),
                TicketField::Priority => {
                    or_none(word(row.priority().as_str_name(), "TICKET_PRIORITY_"))
                }
                TicketField::Type => or_none(word(row.r#type().as_str_name(), "TICKET_TYPE_")),
                TicketField::UpdatedAt => time(row.update_time.as_ref()).replace('T', " "),
                _ => NONE.to_owned(),
            }));
        }
        for line in table.lines() {
            self.screen.verbatim(&format!("{INDENT}{line}"))?;
        }
        Ok(())
    }

    /// What the comparison found.
    pub fn comparison(&mut self, comparison: &Comparison) -> io::Result<()> {
        let Comparison { ticket_count, contact_count, differences } = comparison;
        if differences.is_empty() {
            let equal = format!(
                "{ticket_count} tickets of {contact_count} contacts, {} fields each",
                TICKET_FIELDS.len()
            );
            return self.step("compared", &equal, "all equal");
        }
        for difference in differences {
            self.labelled(RED, "differs", difference, None)?;
        }
        Ok(())
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
        row.map_or("", |row| match self.labels {
            Labels::Nl => row.label_nl,
            Labels::En => row.label_en,
        })
    }

    fn labelled(
        &mut self,
        style: Style,
        who: &str,
        what: &str,
        result: Option<Span<'_>>,
    ) -> io::Result<()> {
        let who = format!("{INDENT}{who:<WHO_WIDTH$} ");
        let result = result.map(|result| [(DIM, "  → "), result]);
        let end: &[Span<'_>] = result.as_ref().map_or(&[], |end| end);
        self.screen.line(&[(style, &who)], (PLAIN, what), end)
    }
}

/// An outcome as the contract names it.
#[must_use]
pub fn outcome(outcome: EventOutcome) -> &'static str {
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

fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}
