//! Saving contacts, and the requesters who are them.

use super::either;
use crate::{
    domain::{Origin, Timestamp, WorkingSet},
    store::stage::{Int, Kind, Stage, Staged, Text},
};

pub(super) static INSERT_CONTACTS: Staged = Staged::new(
    &[
        ("account_id", Text),
        ("contact_id", Text),
        ("email", Text),
        ("email_key", Text),
        ("name", Text),
        ("synced_at", Int),
        ("created_at", Int),
    ],
    "insert into contacts (account_id, contact_id, email, email_key, name, synced_at, created_at)
     select account_id, contact_id, email, email_key, name, synced_at, created_at
       from stage",
);

pub(super) static UPDATE_CONTACTS: Staged = Staged::new(
    &[("account_id", Text), ("contact_id", Text), ("synced_at", Int)],
    "update contacts
        set synced_at = stage.synced_at
       from stage
      where contacts.account_id = stage.account_id
        and contacts.contact_id = stage.contact_id",
);

/// Contacts that are new, and those that were synced for the first time.
pub(super) fn contacts(set: &WorkingSet, now: Timestamp) -> [Stage<'_>; 2] {
    let (mut insert, mut update) = (INSERT_CONTACTS.stage(), UPDATE_CONTACTS.stage());
    for ((account, key), contact) in &set.contacts {
        let row = contact.get();
        let id = row.id.to_string();
        let synced_at = row.synced_at.map(Timestamp::as_micros);
        match contact.pending() {
            Some(Origin::New) => insert.push([
                account.as_str().into(),
                id.into(),
                row.email.as_str().into(),
                key.as_str().into(),
                row.name.as_str().into(),
                synced_at.into(),
                now.as_micros().into(),
            ]),
            Some(Origin::Stored) => {
                update.push([account.as_str().into(), id.into(), synced_at.into()]);
            }
            None => {}
        }
    }
    [insert, update]
}

const REQUESTERS_COLUMNS: &[(&str, Kind)] = &[
    ("account_id", Text),
    ("connection_id", Text),
    ("requester_id", Int),
    ("contact_id", Text),
    ("observed_at", Int),
    ("observed_event_id", Text),
];

pub(super) static INSERT_REQUESTERS: Staged = Staged::new(
    REQUESTERS_COLUMNS,
    "insert into requesters (account_id, connection_id, requester_id, contact_id, observed_at,
                             observed_event_id)
     select account_id, connection_id, requester_id, contact_id, observed_at, observed_event_id
       from stage",
);

pub(super) static UPDATE_REQUESTERS: Staged = Staged::new(
    REQUESTERS_COLUMNS,
    "update requesters
        set contact_id = stage.contact_id,
            observed_at = stage.observed_at,
            observed_event_id = stage.observed_event_id
       from stage
      where requesters.account_id = stage.account_id
        and requesters.connection_id = stage.connection_id
        and requesters.requester_id = stage.requester_id",
);

/// Requesters who are new, and those whose newest observation is another.
pub(super) fn requesters(set: &WorkingSet) -> [Stage<'_>; 2] {
    let (mut insert, mut update) = (INSERT_REQUESTERS.stage(), UPDATE_REQUESTERS.stage());
    for ((key, id), requester) in &set.requesters {
        let Some(stage) = either(requester.pending(), &mut insert, &mut update) else {
            continue;
        };
        let row = requester.get();
        stage.push([
            key.account.as_str().into(),
            key.connection.to_string().into(),
            id.get().into(),
            row.contact_id.to_string().into(),
            row.observed.at.as_micros().into(),
            row.observed.event_id.as_str().into(),
        ]);
    }
    [insert, update]
}
