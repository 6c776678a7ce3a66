//! What the small Zendesk holds, in memory and, where asked for, in a file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    change::{self, TicketInput, UserInput},
    contents::{Contents, Record},
    ticket::{Ticket, User},
};
use crate::domain::{Status, Timestamp};

/// Why a change was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such record")]
    NotFound,
    #[error("{0}")]
    Invalid(String),
    #[error("the change could not be saved: {0}")]
    Unsaved(#[from] io::Error),
}

/// The store of one help desk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    contents: Arc<Mutex<Contents>>,
    file: Option<Arc<Path>>,
}

/// Where the incremental export goes on.
#[derive(Clone, Copy)]
pub enum ExportStart {
    /// With what changed at or after this unix second.
    Time(i64),
    /// After the change with this number.
    Change(u64),
}

/// A page of the incremental export.
pub struct Export {
    pub tickets: Vec<Ticket>,
    /// The number of the last change on the page, or of the start where there is none.
    pub last_change: u64,
    pub end_of_stream: bool,
}

impl Store {
    /// Opens the store; with a file it starts from what the file holds and saves every change.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one of ours.
    pub fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let contents = match &file {
            Some(path) if path.exists() => serde_json::from_slice(&fs::read(path)?)?,
            Some(_) | None => Contents::default(),
        };
        Ok(Self { contents: Arc::new(Mutex::new(contents)), file: file.map(Into::into) })
    }

    /// Creates a ticket. Its requester is the user with the e-mail address given, or a new one.
    pub fn create_ticket(
        &self,
        desk_url: &str,
        input: &TicketInput,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        self.change(|contents| {
            let requester = match (&input.requester, input.requester_id()) {
                (Some(requester), _) => contents.find_or_add(requester)?,
                (None, Some(id)) => contents.user(id)?.id,
                (None, None) => return Err(Refusal::Invalid("requester: is required".into())),
            };
            let id = contents.next_ticket_id();
            let ticket = change::new_ticket(desk_url, id, requester, input, now)?;
            contents.put(ticket.clone());
            Ok(ticket)
        })
    }

    /// Changes a ticket: what the input names, and `updated_at`.
    pub fn update_ticket(
        &self,
        id: i64,
        input: &TicketInput,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        self.change(|contents| {
            if let Some(requester) = input.requester_id() {
                contents.user(requester)?;
            }
            let ticket = change::updated(contents.ticket(id)?, input, now)?;
            contents.put(ticket.clone());
            Ok(ticket)
        })
    }

    /// Deletes a ticket. It stays in the export, with the status `deleted`.
    pub fn delete_ticket(&self, id: i64, now: Timestamp) -> Result<(), Refusal> {
        self.change(|contents| {
            let mut ticket = contents.ticket(id)?.clone();
            change::touch(&mut ticket, now);
            ticket.status = Status::Deleted;
            contents.put(ticket);
            Ok(())
        })
    }

    /// Changes a user. That is no change of their tickets.
    pub fn update_user(&self, id: i64, input: &UserInput) -> Result<User, Refusal> {
        self.change(|contents| {
            let mut user = contents.users.get(&id).ok_or(Refusal::NotFound)?.clone();
            if let Some(name) = &input.name {
                user.name.clone_from(name);
            }
            if let Some(email) = &input.email {
                user.email = Some(email.trim().to_owned()).filter(|email| !email.is_empty());
            }
            contents.users.insert(id, user.clone());
            Ok(user)
        })
    }

    /// Changes a ticket's subject without a trace: no export shows it. For showing that a comparison
    /// with this store notices.
    pub fn tamper(&self) -> Result<(), Refusal> {
        self.change(|contents| {
            let mut live = contents.tickets.values_mut().filter(|record| !record.ticket.deleted());
            live.next().ok_or(Refusal::NotFound)?.ticket.subject.push('!');
            Ok(())
        })
    }

    /// Whether the help desk has never had a ticket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().tickets.is_empty()
    }

    /// The tickets with these ids that exist, without the deleted ones.
    #[must_use]
    pub fn tickets(&self, ids: &[i64]) -> Vec<Ticket> {
        let contents = self.lock();
        let found = ids.iter().filter_map(|id| contents.ticket(*id).ok());
        found.cloned().collect()
    }

    /// The users with these ids that exist.
    #[must_use]
    pub fn users(&self, ids: &[i64]) -> Vec<User> {
        let contents = self.lock();
        ids.iter().filter_map(|id| contents.users.get(id).cloned()).collect()
    }

    /// Every ticket that is not deleted, with its requester, in the order of the ids.
    #[must_use]
    pub fn all(&self) -> Vec<(Ticket, User)> {
        let contents = self.lock();
        let live = contents.tickets.values().filter(|record| !record.ticket.deleted());
        live.filter_map(|record| {
            let requester = contents.users.get(&record.ticket.requester_id)?;
            Some((record.ticket.clone(), requester.clone()))
        })
        .collect()
    }

    /// A page of at most `limit` tickets, each as it stands now, in the order of their newest changes.
    #[must_use]
    pub fn export(&self, start: ExportStart, limit: usize) -> Export {
        let contents = self.lock();
        let mut changed: Vec<&Record> = contents
            .tickets
            .values()
            .filter(|record| match start {
                ExportStart::Time(second) => record.ticket.generated_timestamp >= second,
                ExportStart::Change(number) => record.change > number,
            })
            .collect();
        changed.sort_by_key(|record| record.change);
        let end_of_stream = changed.len() <= limit;
        changed.truncate(limit);
        let last_change = match (changed.last(), start) {
            (Some(record), _) => record.change,
            (None, ExportStart::Change(number)) => number,
            (None, ExportStart::Time(_)) => contents.changes,
        };
        let tickets = changed.into_iter().map(|record| record.ticket.clone()).collect();
        Export { tickets, last_change, end_of_stream }
    }

    /// Applies a change whole or not at all: what is refused or cannot be saved leaves no trace.
    fn change<T>(
        &self,
        apply: impl FnOnce(&mut Contents) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut contents = self.lock();
        let mut changed = contents.clone();
        let answer = apply(&mut changed)?;
        if let Some(file) = &self.file {
            let new = file.with_extension("new");
            fs::write(&new, serde_json::to_vec(&changed).map_err(io::Error::from)?)?;
            fs::rename(&new, file)?;
        }
        *contents = changed;
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // A change is made on a copy, so that a panic in one leaves the contents whole.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
