//! The incremental export: which tickets have changed since.

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{
    Client, Error, Rate, Result,
    answer::{Answer, send_within, undocumented},
    fields::{id, time, word},
};
use crate::domain::{ExportCursor, ExportedTicket, Presence, Secret, Status, Subdomain, Timestamp};

/// The largest page read. How many tickets are on one is Zendesk's to say, and each may bring a
/// description of 64 KiB along.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;
/// The word of the answer to an export that begins less than a minute ago.
const TOO_RECENT: &str = "StartTimeTooRecent";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportFrom {
    /// At the first change from this second on, which has to be more than a minute ago.
    Time(Timestamp),
    Cursor(ExportCursor),
}

/// A page of an export, in the order in which Zendesk took note of the changes.
#[derive(Debug, Clone)]
pub struct ExportPage {
    pub tickets: Vec<ExportedTicket>,
    /// Where the next page begins, at the end too. None where the end has no place.
    pub after_cursor: Option<ExportCursor>,
    pub end: ExportEnd,
    /// None where Zendesk does not say.
    pub rate: Option<Rate>,
}

/// Whether there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportEnd {
    Reached,
    /// `after_cursor` is there, and is another one than the page's own.
    Ahead,
}

#[derive(Deserialize)]
struct PageAnswer {
    tickets: Vec<ChangedTicket>,
    after_cursor: Option<String>,
    end_of_stream: bool,
}

/// Of a ticket only what is kept, whatever its other fields hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ChangedTicket {
    id: Value,
    created_at: Value,
    updated_at: Value,
    status: Value,
}

impl Client {
    /// Asks which tickets have changed. Zendesk allows 10 such calls a minute.
    ///
    /// # Errors
    /// What Zendesk answers; [`Error::StartTimeTooRecent`]; [`Error::CursorStuck`].
    pub async fn export(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        from: &ExportFrom,
    ) -> Result<ExportPage> {
        let from_query = match from {
            ExportFrom::Time(time) => {
                format!("start_time={}", time.as_micros() / MICROS_PER_SECOND)
            }
            ExportFrom::Cursor(cursor) => {
                let cursor: String = byte_serialize(cursor.as_str().as_bytes()).collect();
                format!("cursor={cursor}")
            }
        };
        let path = format!("/api/v2/incremental/tickets/cursor.json?{from_query}");
        let answer = send_within(self.bulk(subdomain, token, &path), MAX_PAGE_BYTES).await?;
        let page = read(&answer).map_err(|error| match error {
            Error::Refused { status: 400, error } if error == TOO_RECENT => {
                Error::StartTimeTooRecent
            }
            other => other,
        })?;
        match (page.end, &page.after_cursor, from) {
            (ExportEnd::Ahead, None, _) => Err(undocumented()),
            (ExportEnd::Ahead, Some(after), ExportFrom::Cursor(before)) if after == before => {
                Err(Error::CursorStuck)
            }
            _ => Ok(page),
        }
    }
}

/// Reads a page. One that holds a ticket without an id is refused whole: a change would be lost.
fn read(answer: &Answer) -> Result<ExportPage> {
    let page: PageAnswer = answer.json(&[StatusCode::OK])?;
    let after_cursor = page.after_cursor.map(ExportCursor::try_from).transpose();
    Ok(ExportPage {
        tickets: page.tickets.into_iter().map(ticket).collect::<Result<_>>()?,
        after_cursor: after_cursor.map_err(|_| undocumented())?,
        end: if page.end_of_stream { ExportEnd::Reached } else { ExportEnd::Ahead },
        rate: answer.rate,
    })
}

fn ticket(ticket: ChangedTicket) -> Result<ExportedTicket> {
    let ChangedTicket { id, created_at, updated_at, status } = ticket;
    let moment = |value| time(value).ok().flatten();
    Ok(ExportedTicket {
        ticket_id: self::id(&id).ok().flatten().ok_or_else(undocumented)?,
        created_at: moment(&created_at),
        updated_at: moment(&updated_at),
        presence: match word(&status) {
            Ok(Some(Status::Deleted)) => Presence::Deleted,
            _ => Presence::Present,
        },
    })
}
