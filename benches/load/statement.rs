//! The statements that write rows by hand: each once for a set of rows and once for a single one.

use std::sync::{Arc, LazyLock};

use serde::Serialize;

/// One value.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Cell {
    Text(Arc<str>),
    Int(i64),
    #[default]
    Null,
}

impl<'a> From<&'a str> for Cell {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What is written, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    InsertContacts,
    InsertRequesters,
    UpdateRequesters,
    InsertTickets,
    UpdateTickets,
    InsertEvents,
    InsertTriggers,
    UpdateAccounts,
    UpdateConnections,
}

/// A statement's texts.
pub struct Texts {
    /// Takes an array a column.
    pub postgres: String,
    /// Takes one JSON array of rows.
    pub sqlite: String,
    /// Takes a value a column, on either engine.
    pub single: String,
    pub ints: Vec<bool>,
}

const REQUESTER: &str =
    "account_id connection_id requester_id# contact_id observed_at# observed_event_id";
const TICKET: &str = "account_id connection_id ticket_id# state requester_id# created_at# \
    updated_at# observed_at# observed_event_id created_logged# last_position# content";

impl Statement {
    pub const ALL: [Self; 9] = [
        Self::InsertContacts,
        Self::InsertRequesters,
        Self::UpdateRequesters,
        Self::InsertTickets,
        Self::UpdateTickets,
        Self::InsertEvents,
        Self::InsertTriggers,
        Self::UpdateAccounts,
        Self::UpdateConnections,
    ];

    pub fn texts(self) -> &'static Texts {
        static ALL: LazyLock<Vec<Texts>> =
            LazyLock::new(|| Statement::ALL.iter().map(|statement| statement.write()).collect());
        &ALL[self as usize]
    }

    /// The table, its columns (# marks a number), and of how many of them the key of an update is.
    const fn shape(self) -> (&'static str, &'static str, Option<usize>) {
        match self {
            Self::InsertContacts => (
                "contacts",
                "account_id contact_id email email_key name synced_at# created_at#",
                None,
            ),
            Self::InsertRequesters => ("requesters", REQUESTER, None),
            Self::UpdateRequesters => ("requesters", REQUESTER, Some(3)),
            Self::InsertTickets => ("tickets", TICKET, None),
            Self::UpdateTickets => ("tickets", TICKET, Some(3)),
            Self::InsertEvents => (
                "events",
                "account_id connection_id event_id ticket_id# outcome contact_id position# \
                 content_hash received_at#",
                None,
            ),
            Self::InsertTriggers => (
                "triggers",
                "account_id position# kind entropy# connection_id ticket_id# event_id contact_id \
                 observed_at# committed_at# previous_position# ticket changes",
                None,
            ),
            Self::UpdateAccounts => ("accounts", "account_id head# last_commit_at#", Some(1)),
            Self::UpdateConnections => {
                ("connections", "account_id connection_id last_event_at#", Some(2))
            }
        }
    }

    fn write(self) -> Texts {
        let (table, columns, key) = self.shape();
        let ints: Vec<bool> =
            columns.split_whitespace().map(|column| column.ends_with('#')).collect();
        let names: Vec<&str> =
            columns.split_whitespace().map(|column| column.trim_end_matches('#')).collect();
        let list = names.join(", ");
        let each = |write: &dyn Fn(usize, &str) -> String, separator: &str, from: usize, to| {
            let names = names.iter().enumerate().take(to).skip(from);
            names.map(|(at, name)| write(at, name)).collect::<Vec<_>>().join(separator)
        };
        let all = names.len();
        let array = |at: usize, _: &str| {
            format!("unnest(${}::{}[])", at + 1, if ints[at] { "bigint" } else { "text" })
        };
        let unnest = format!("select {}", each(&array, ", ", 0, all));
        let value = |at: usize, name: &str| format!("value ->> {at} as {name}");
        let json = format!("select {} from json_each($1)", each(&value, ", ", 0, all));
        let placeholder = |at: usize, _: &str| format!("${}", at + 1);
        let Some(key) = key else {
            let insert = format!("insert into {table} ({list})");
            let values = each(&placeholder, ", ", 0, all);
            return Texts {
                postgres: format!("{insert} {unnest}"),
                sqlite: format!("{insert} {json}"),
                single: format!("{insert} values ({values})"),
                ints,
            };
        };
        let set = each(&|_, name| format!("{name} = s.{name}"), ", ", key, all);
        let is = each(&|_, name| format!("{table}.{name} = s.{name}"), " and ", 0, key);
        let set_one = each(&|at, name| format!("{name} = ${}", at + 1), ", ", key, all);
        let is_one = each(&|at, name| format!("{name} = ${}", at + 1), " and ", 0, key);
        Texts {
            postgres: format!("update {table} set {set} from ({unnest}) s({list}) where {is}"),
            sqlite: format!("update {table} set {set} from ({json}) s where {is}"),
            single: format!("update {table} set {set_one} where {is_one}"),
            ints,
        }
    }
}
