//! What happened, as lines a person can follow.

use std::io;

use anstyle::Style;
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{
    compare::Comparison,
    options::Labels,
    screen::{BOLD, CYAN, DIM, GREEN, PLAIN, RED, Screen, Span},
    value::{time, word},
};
use crate::proto::v1::{Contact, TICKET_FIELDS, TicketField, TicketObject};

/// The columns left of the text: indent, who, and which ticket.
const INDENT: &str = "    ";
const WHO_WIDTH: usize = 9;
/// Shown for a field without a value.
pub const NONE: &str = "–";

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

    /// The one of two texts that is in the language asked for.
    #[must_use]
    pub const fn either<'a>(&self, dutch: &'a str, english: &'a str) -> &'a str {
        match self.labels {
            Labels::Nl => dutch,
            Labels::En => english,
        }
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

    /// Somebody has something be otherwise from now on.
    pub fn aside(&mut self, who: &str, what: &str) -> io::Result<()> {
        self.labelled(PLAIN, who, what, None)
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

    /// A line with who did what, and a result where there is one.
    pub fn labelled(
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

/// A text, or the sign for none.
#[must_use]
pub fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}
