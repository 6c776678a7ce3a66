//! What a database holds, in one number: equal for equal contents, whatever was drawn at random and
//! in whichever order independent events were committed.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::database::Session;

/// A table's row count, and the sum of its rows' hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(Vec<(&'static str, usize, u128)>);

/// Each table with its columns, but for random ids, check bits and times of receipt. A position
/// stands for the event that is logged there and a contact's id for its e-mail address, and so they
/// are compared as these.
const TABLES: [(&str, &str, &str); 8] = [
    ("accounts", "a.account_id a.head a.floor a.parked_count a.config_version", "accounts a"),
    (
        "connections",
        "c.account_id c.connection_id c.subdomain c.state (c.last_event_at>0)",
        "connections c",
    ),
    ("contacts", "c.account_id c.email c.email_key c.name (c.synced_at>0)", "contacts c"),
    (
        "requesters",
        "r.account_id r.connection_id r.requester_id c.email_key r.observed_at r.observed_event_id",
        "requesters r
         left join contacts c on c.account_id = r.account_id and c.contact_id = r.contact_id",
    ),
    (
        "tickets",
        "t.account_id t.connection_id t.ticket_id t.state t.requester_id t.created_at t.updated_at
         t.observed_at t.observed_event_id t.created_logged l.event_id t.content",
        "tickets t
         left join triggers l on l.account_id = t.account_id and l.position = t.last_position",
    ),
    (
        "events",
        "e.account_id e.connection_id e.event_id e.ticket_id e.outcome c.email_key l.event_id
         e.content_hash",
        "events e
         left join contacts c on c.account_id = e.account_id and c.contact_id = e.contact_id
         left join triggers l on l.account_id = e.account_id and l.position = e.position",
    ),
    (
        "triggers",
        "t.account_id t.kind t.connection_id t.ticket_id t.event_id c.email_key t.observed_at
         p.event_id t.ticket t.changes",
        "triggers t
         left join contacts c on c.account_id = t.account_id and c.contact_id = t.contact_id
         left join triggers p on p.account_id = t.account_id and p.position = t.previous_position",
    ),
    ("parked_events", "p.account_id p.event_id", "parked_events p"),
];

/// The accounts whose log is not one sequence without holes from 1 to the head.
const TORN_LOGS: &str = "
    select a.account_id
      from accounts a
      left join triggers t
        on t.account_id = a.account_id
     group by a.account_id, a.head
    having count(t.position) <> a.head
        or coalesce(min(t.position), 1) <> 1
        or coalesce(max(t.position), 0) <> a.head";

impl Digest {
    pub async fn of(session: &mut Session) -> Self {
        let torn = session.texts(TORN_LOGS).await;
        assert!(torn.is_empty(), "logs with holes: {torn:?}");
        let mut tables = Vec::new();
        for (table, columns, from) in TABLES {
            let columns: Vec<String> = columns
                .split_whitespace()
                .map(|column| format!("coalesce(cast({column} as text), '~')"))
                .collect();
            let sql = format!("select {} from {from}", columns.join(" || '|' || "));
            let rows = session.texts(&sql).await;
            let sum = rows.iter().map(|row| hash(row)).fold(0, u128::wrapping_add);
            tables.push((table, rows.len(), sum));
        }
        Self(tables)
    }

    /// The number of rows of each table.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().map(|(table, count, _)| (*table, *count))
    }
}

fn hash(row: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(row).into();
    hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

impl fmt::Display for Digest {
    /// The whole digest as one hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", hash(&format!("{:?}", self.0)))
    }
}
