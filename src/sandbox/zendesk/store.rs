//! What the small Zendesk holds, in memory and, where asked for, in a file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    change::{self, MergeInput, TicketInput, UserInput},
    contents::{Contents, Place},
    draft::Draft,
    happening::Act,
    post::Post,
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
    /// Told of every change, in the order of the changes.
    post: Post,
}

impl Store {
    /// Opens the store; with a file it starts from what the file holds and saves every change.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one of ours.
    pub(super) fn open(file: Option<PathBuf>, post: Post) -> io::Result<Self> {
        let mut contents: Contents = match &file {
            Some(path) if path.exists() => serde_json::from_slice(&fs::read(path)?)?,
            Some(_) | None => Contents::default(),
        };
        contents.index();
        Ok(Self { contents: Arc::new(Mutex::new(contents)), file: file.map(Into::into), post })
    }

    /// Creates a ticket. Its requester is the user with the e-mail address given, or a new one.
    pub fn create_ticket(
        &self,
        desk_url: &str,
        input: &TicketInput,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        self.change(now, |draft| {
            let requester = match (&input.requester, input.requester_id()) {
                (Some(requester), _) => draft.find_or_add(requester)?,
                (None, Some(id)) => {
                    draft.check_requester(id)?;
                    id
                }
                (None, None) => return Err(Refusal::Invalid("requester: is required".into())),
            };
            let id = draft.next_ticket_id();
            let ticket = change::new_ticket(desk_url, id, requester, input, now)?;
            draft.put(ticket.clone(), Place::Desk, vec![Act::Created]);
            Ok(ticket)
        })
    }

    /// Changes a ticket, or comments on it.
    pub fn update_ticket(
        &self,
        id: i64,
        input: &TicketInput,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        self.change(now, |draft| {
            if let Some(requester) = input.requester_id() {
                draft.check_requester(requester)?;
            }
            let ticket = change::updated(draft.ticket(id)?, input, now)?;
            let comment = input.comment.as_ref();
            let acts = comment.map(|comment| Act::Commented(comment.body.clone()));
            draft.put(ticket.clone(), Place::Desk, acts.into_iter().collect());
            Ok(ticket)
        })
    }

    /// Deletes a ticket. It stays in the export, with the status `deleted`, and can be restored.
    pub fn delete_ticket(&self, id: i64, now: Timestamp) -> Result<(), Refusal> {
        self.change(now, |draft| bin(draft, id, Act::SoftDeleted, now))
    }

    /// Marks a ticket as spam, which deletes it.
    pub fn mark_as_spam(&self, id: i64, now: Timestamp) -> Result<(), Refusal> {
        self.change(now, |draft| bin(draft, id, Act::MarkedAsSpam, now))
    }

    /// Restores a deleted ticket with the status it had.
    pub fn restore_ticket(&self, id: i64, now: Timestamp) -> Result<Ticket, Refusal> {
        self.change(now, |draft| {
            let (ticket, status) = draft.binned(id)?;
            let mut ticket = Ticket { status, ..ticket.clone() };
            change::touch(&mut ticket, now);
            draft.put(ticket.clone(), Place::Desk, vec![Act::Undeleted]);
            Ok(ticket)
        })
    }

    /// Takes the contents out of a deleted ticket, for good.
    pub fn delete_ticket_for_good(&self, id: i64, now: Timestamp) -> Result<(), Refusal> {
        self.change(now, |draft| {
            let mut ticket = draft.binned(id)?.0.clone();
            change::touch(&mut ticket, now);
            change::scrub(&mut ticket);
            draft.put(ticket, Place::Nowhere, vec![Act::PermanentlyDeleted]);
            Ok(())
        })
    }

    /// Merges tickets into another one: they are closed, and both sides get a comment.
    pub fn merge_tickets(
        &self,
        target: i64,
        input: &MergeInput,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.change(now, |draft| {
            if input.ids.is_empty() || input.ids.contains(&target) {
                return Err(Refusal::Invalid("ids: name other tickets".into()));
            }
            for id in &input.ids {
                let mut source = draft.ticket(*id)?.clone();
                source.status = Status::Closed;
                change::touch(&mut source, now);
                let comment = Act::Commented(input.source_comment.clone());
                draft.put(source, Place::Desk, vec![comment, Act::Merged]);
            }
            let mut ticket = draft.ticket(target)?.clone();
            change::touch(&mut ticket, now);
            let comment = Act::Commented(input.target_comment.clone());
            draft.put(ticket, Place::Desk, vec![comment]);
            Ok(())
        })
    }

    /// Changes a user. That is no change of their tickets.
    pub fn update_user(&self, id: i64, input: &UserInput, now: Timestamp) -> Result<User, Refusal> {
        self.change(now, |draft| {
            let mut user = draft.user(id).ok_or(Refusal::NotFound)?.clone();
            if let Some(name) = &input.name {
                user.name.clone_from(name);
            }
            if let Some(email) = &input.email {
                user.email = Some(email.trim().to_owned()).filter(|email| !email.is_empty());
            }
            user.role = input.role.unwrap_or(user.role);
            draft.put_user(user.clone());
            Ok(user)
        })
    }

    /// Changes a ticket's subject without a trace, in memory only: no export shows it and no event
    /// tells of it. For showing that a comparison with this store notices.
    pub fn tamper(&self) -> Result<(), Refusal> {
        let mut contents = self.lock();
        let mut records = contents.tickets.values_mut();
        let live = records.find(|record| !record.newest().ticket.deleted());
        live.ok_or(Refusal::NotFound)?.newest_mut().ticket.subject.push('!');
        Ok(())
    }

    /// Applies a change whole or not at all: what is refused or cannot be saved leaves no trace.
    fn change<T>(
        &self,
        now: Timestamp,
        apply: impl FnOnce(&mut Draft<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut contents = self.lock();
        let mut draft = Draft::of(&contents);
        let answer = apply(&mut draft)?;
        let (change, happenings) = draft.finish();
        match &self.file {
            Some(file) => {
                // All of it is written anyway.
                let mut changed = contents.clone();
                changed.accept(change, now);
                save(file, &changed)?;
                *contents = changed;
            }
            None => contents.accept(change, now),
        }
        // Under the lock, so that events leave in the order of the changes.
        self.post.announce(happenings, now);
        Ok(answer)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        // What may panic works on a draft, so that a panic leaves the contents whole.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes a ticket so that it can be restored.
fn bin(draft: &mut Draft<'_>, id: i64, act: Act, now: Timestamp) -> Result<(), Refusal> {
    let mut ticket = draft.ticket(id)?.clone();
    let place = Place::Bin(ticket.status);
    change::touch(&mut ticket, now);
    ticket.status = Status::Deleted;
    draft.put(ticket, place, vec![act]);
    Ok(())
}

fn save(file: &Path, contents: &Contents) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(contents)?)?;
    fs::rename(&new, file)
}
