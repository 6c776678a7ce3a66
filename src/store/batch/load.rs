//! Loading what is known of everything a batch touches, after its accounts are locked.

use std::collections::HashSet;

use super::row::{
    AccountRecord, ConnectionRecord, ContactRecord, ParkedRecord, RequesterRecord, ResultRecord,
    TicketRecord, connection_key, corrupt, email,
};
use crate::{
    domain::{
        AccountId, AccountRow, ConnectionKey, ContactRow, EmailKey, EventBody, EventId, Kept,
        Position, Requester, Standing, TicketEvent, TicketId, Timestamp, WorkingSet, ZendeskId,
    },
    store::{
        Result, Tx,
        stage::{
            Kind::{Int, Text},
            Staged,
        },
    },
};

/// What a batch touches, as far as its events tell.
#[derive(Debug, Default)]
pub struct BatchKeys {
    accounts: HashSet<AccountId>,
    connections: HashSet<ConnectionKey>,
    events: HashSet<(ConnectionKey, EventId)>,
    tickets: HashSet<(ConnectionKey, TicketId)>,
    requesters: HashSet<(ConnectionKey, ZendeskId)>,
    /// The requesters whose e-mail address an event shows: what is parked for them is released.
    shown: HashSet<(ConnectionKey, ZendeskId)>,
    emails: HashSet<(AccountId, EmailKey)>,
}

impl BatchKeys {
    /// Collects the keys of events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a TicketEvent>) -> Self {
        let mut keys = Self::default();
        for event in events {
            let connection = &event.connection;
            keys.accounts.insert(connection.account.clone());
            keys.connections.insert(connection.clone());
            keys.events.insert((connection.clone(), event.id().clone()));
            keys.tickets.insert((connection.clone(), event.ticket_id));
            match &event.body {
                EventBody::Snapshot(snapshot) => keys.requester(connection, &snapshot.requester),
                EventBody::Deleted { requester: Some(requester) } => {
                    keys.requester(connection, requester);
                }
                EventBody::Deleted { requester: None } | EventBody::PermanentlyDeleted => {}
            }
        }
        keys
    }

    /// Collects the keys of parked events that are to be tried again.
    pub fn of_parked(connection: &ConnectionKey, ids: &[EventId]) -> Self {
        Self {
            accounts: HashSet::from([connection.account.clone()]),
            connections: HashSet::from([connection.clone()]),
            events: ids.iter().map(|id| (connection.clone(), id.clone())).collect(),
            ..Self::default()
        }
    }

    fn requester(&mut self, connection: &ConnectionKey, requester: &Requester) {
        self.requesters.insert((connection.clone(), requester.id));
        if let Some(email) = &requester.email {
            self.shown.insert((connection.clone(), requester.id));
            self.emails.insert((connection.account.clone(), email.key()));
        }
    }
}

impl Tx<'_> {
    /// Locks the accounts of a batch in sorted order, then loads what is known of everything it
    /// touches. The lock is a statement of its own: a row that is locked and read in one comes from
    /// the statement's snapshot, which may be older than the lock.
    pub async fn load_batch(&mut self, mut keys: BatchKeys) -> Result<WorkingSet> {
        let mut set = WorkingSet::default();
        self.lock_accounts(&mut set, &keys).await?;
        self.load_connections(&mut set, &keys).await?;
        self.load_results(&mut set, &keys).await?;
        if set.accounts.values().any(|account| account.get().parked_count > 0) {
            self.load_parked(&mut set, &mut keys).await?;
        }
        self.load_tickets(&mut set, &mut keys).await?;
        self.load_requesters(&mut set, &keys).await?;
        self.load_contacts(&mut set, &keys).await?;
        Ok(set)
    }

    async fn lock_accounts(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        static LOCK: Staged = Staged::two(
            &[("account_id", Text)],
            "select account_id, head, last_commit_at, parked_count
               from accounts
              where account_id in (select stage.account_id from stage)
              order by account_id
                for no key update",
            // begin immediate has locked the whole database.
            "select account_id, head, last_commit_at, parked_count
               from accounts
              where account_id in (select stage.account_id from stage)",
        );
        let mut stage = LOCK.stage(self);
        for account in &keys.accounts {
            stage.push([account.as_str().into()]);
        }
        for record in stage.fetch::<AccountRecord>(self).await? {
            let bad = corrupt("accounts");
            let row = AccountRow {
                head: Position::try_from(record.head).map_err(&bad)?,
                last_commit_at: Timestamp::from_micros(record.last_commit_at).map_err(&bad)?,
                parked_count: record.parked_count,
            };
            let account: AccountId = record.account_id.try_into().map_err(&bad)?;
            set.accounts.insert(account, Kept::stored(row));
        }
        Ok(())
    }

    async fn load_connections(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        static LOAD: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text)],
            "select c.account_id, c.connection_id, c.state
               from stage s
               join connections c
                 on c.account_id = s.account_id
                and c.connection_id = s.connection_id",
        );
        let mut rows = LOAD.stage(self);
        for key in &keys.connections {
            rows.push([key.account.as_str().into(), key.connection.to_string().into()]);
        }
        for record in rows.fetch::<ConnectionRecord>(self).await? {
            let key = connection_key("connections", record.account_id, &record.connection_id)?;
            let state = record.state.parse().map_err(corrupt("connections"))?;
            set.connections.insert(key, state);
        }
        Ok(())
    }

    async fn load_results(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        static LOAD: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
            "select e.account_id, e.connection_id, e.event_id, e.ticket_id, e.outcome, e.contact_id,
                    e.position, e.content_hash
               from stage s
               join events e
                 on e.account_id = s.account_id
                and e.connection_id = s.connection_id
                and e.event_id = s.event_id",
        );
        let mut stage = LOAD.stage(self);
        for (key, id) in &keys.events {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        for record in stage.fetch::<ResultRecord>(self).await? {
            let (key, row) = record.read()?;
            set.results.insert(key, Kept::stored(row));
        }
        Ok(())
    }

    /// Loads the parked events that the batch may release, replace or outdate: those of its ids, of
    /// its requesters and of its tickets, and all others of the tickets these belong to.
    async fn load_parked(&mut self, set: &mut WorkingSet, keys: &mut BatchKeys) -> Result<()> {
        static BY_EVENT: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
            "select p.account_id, p.connection_id, p.event_id, p.kind, p.updated_at, p.observed_at,
                    p.content, p.content_hash, p.parked_at
               from stage s
               join parked_events p
                 on p.account_id = s.account_id
                and p.connection_id = s.connection_id
                and p.event_id = s.event_id",
        );
        static BY_REQUESTER: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("requester_id", Int)],
            "select p.account_id, p.connection_id, p.event_id, p.kind, p.updated_at, p.observed_at,
                    p.content, p.content_hash, p.parked_at
               from stage s
               join parked_events p
                 on p.account_id = s.account_id
                and p.connection_id = s.connection_id
                and p.requester_id = s.requester_id",
        );
        static BY_TICKET: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("ticket_id", Int)],
            "select p.account_id, p.connection_id, p.event_id, p.kind, p.updated_at, p.observed_at,
                    p.content, p.content_hash, p.parked_at
               from stage s
               join parked_events p
                 on p.account_id = s.account_id
                and p.connection_id = s.connection_id
                and p.ticket_id = s.ticket_id",
        );
        let mut by_event = BY_EVENT.stage(self);
        for (key, id) in &keys.events {
            let connection = key.connection.to_string();
            by_event.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        let found = by_event.fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)?;
        // An event that is sent or tried again may release all that its requester waits with.
        let again = set.parked.iter().filter_map(|((connection, _), parked)| {
            Some((connection.clone(), parked.get().as_ref()?.snapshot.requester.id))
        });
        keys.shown.extend(again);

        let mut by_requester = BY_REQUESTER.stage(self);
        for (key, id) in &keys.shown {
            let connection = key.connection.to_string();
            by_requester.push([key.account.as_str().into(), connection.into(), id.get().into()]);
        }
        let found = by_requester.fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)?;

        let mut by_ticket = BY_TICKET.stage(self);
        for (key, id) in &keys.tickets {
            let connection = key.connection.to_string();
            by_ticket.push([key.account.as_str().into(), connection.into(), id.get().into()]);
        }
        let found = by_ticket.fetch::<ParkedRecord>(self).await?;
        keep_parked(set, keys, found)
    }

    async fn load_tickets(&mut self, set: &mut WorkingSet, keys: &mut BatchKeys) -> Result<()> {
        static LOAD: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("ticket_id", Int)],
            "select t.account_id, t.connection_id, t.ticket_id, t.state, t.updated_at, t.observed_at,
                    t.observed_event_id, t.created_logged, t.last_position, t.content
               from stage s
               join tickets t
                 on t.account_id = s.account_id
                and t.connection_id = s.connection_id
                and t.ticket_id = s.ticket_id",
        );
        let mut stage = LOAD.stage(self);
        for (key, id) in &keys.tickets {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.get().into()]);
        }
        for record in stage.fetch::<TicketRecord>(self).await? {
            let ((connection, id), row) = record.read()?;
            if let Standing::Live(ticket) | Standing::Deleted(Some(ticket)) = &row.standing {
                keys.requesters.insert((connection.clone(), ticket.requester_id));
            }
            set.tickets.insert((connection, id), Kept::stored(row));
        }
        Ok(())
    }

    async fn load_requesters(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        static LOAD: Staged = Staged::new(
            &[("account_id", Text), ("connection_id", Text), ("requester_id", Int)],
            "select r.account_id, r.connection_id, r.requester_id, r.contact_id, r.observed_at,
                    r.observed_event_id
               from stage s
               join requesters r
                 on r.account_id = s.account_id
                and r.connection_id = s.connection_id
                and r.requester_id = s.requester_id",
        );
        let mut stage = LOAD.stage(self);
        for (key, id) in &keys.requesters {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.get().into()]);
        }
        for record in stage.fetch::<RequesterRecord>(self).await? {
            let (key, row) = record.read()?;
            set.requesters.insert(key, Kept::stored(row));
        }
        Ok(())
    }

    async fn load_contacts(&mut self, set: &mut WorkingSet, keys: &BatchKeys) -> Result<()> {
        static LOAD: Staged = Staged::new(
            &[("account_id", Text), ("email_key", Text)],
            "select c.account_id, c.contact_id, c.email, c.email_key, c.name, c.synced_at
               from stage s
               join contacts c
                 on c.account_id = s.account_id
                and c.email_key = s.email_key",
        );
        let mut stage = LOAD.stage(self);
        for (account, key) in &keys.emails {
            stage.push([account.as_str().into(), key.as_str().into()]);
        }
        for record in stage.fetch::<ContactRecord>(self).await? {
            let bad = corrupt("contacts");
            let account: AccountId = record.account_id.try_into().map_err(&bad)?;
            let row = ContactRow {
                id: record.contact_id.parse().map_err(&bad)?,
                email: email("contacts", record.email)?,
                name: record.name,
                synced_at: record
                    .synced_at
                    .map(Timestamp::from_micros)
                    .transpose()
                    .map_err(&bad)?,
            };
            let key = EmailKey::from_stored(record.email_key);
            set.contacts.insert((account, key), Kept::stored(row));
        }
        Ok(())
    }
}

fn keep_parked(
    set: &mut WorkingSet,
    keys: &mut BatchKeys,
    records: Vec<ParkedRecord>,
) -> Result<()> {
    for record in records {
        let ((connection, id), row) = record.read()?;
        keys.tickets.insert((connection.clone(), row.ticket_id));
        keys.requesters.insert((connection.clone(), row.snapshot.requester.id));
        set.parked.insert((connection, id), Kept::stored(Some(row)));
    }
    Ok(())
}
