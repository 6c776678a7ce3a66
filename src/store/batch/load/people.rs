//! Loading requesters, and the contacts that they are.

use super::{BatchKeys, keys::by_id};
use crate::{
    domain::{
        AccountId, ConnectionKey, ContactRow, EmailKey, Kept, Timestamp, WorkingSet, ZendeskId,
    },
    store::{
        Result,
        batch::row::{ContactRecord, RequesterRecord, corrupt, email},
        stage::{Int, Stage, Staged, Text},
    },
};

pub(super) static REQUESTERS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text), ("requester_id", Int)],
    "r.account_id, r.connection_id, r.requester_id, r.contact_id, r.observed_at,
     r.observed_event_id",
    "from stage s
       join requesters r
         on r.account_id = s.account_id
        and r.connection_id = s.connection_id
        and r.requester_id = s.requester_id",
);

pub(super) static CONTACTS: Staged = Staged::query(
    &[("account_id", Text), ("email_key", Text)],
    "c.account_id, c.contact_id, c.email, c.email_key, c.name, c.synced_at",
    "from stage s
       join contacts c
         on c.account_id = s.account_id
        and c.email_key = s.email_key",
);

pub(super) fn requesters<'a>(
    keys: impl IntoIterator<Item = &'a (ConnectionKey, ZendeskId)>,
) -> Stage<'a> {
    by_id(&REQUESTERS, keys)
}

pub(super) fn contacts(keys: &BatchKeys) -> Stage<'_> {
    let mut stage = CONTACTS.stage();
    for (account, key) in &keys.emails {
        stage.push([account.as_str().into(), key.as_str().into()]);
    }
    stage
}

pub(super) fn keep_requesters(set: &mut WorkingSet, records: Vec<RequesterRecord>) -> Result<()> {
    for record in records {
        let (key, row) = record.read()?;
        set.requesters.insert(key, Kept::stored(row));
    }
    Ok(())
}

pub(super) fn keep_contacts(set: &mut WorkingSet, records: Vec<ContactRecord>) -> Result<()> {
    for record in records {
        let bad = corrupt("contacts");
        let account: AccountId = record.account_id.try_into().map_err(&bad)?;
        let row = ContactRow {
            id: record.contact_id.parse().map_err(&bad)?,
            email: email("contacts", record.email)?,
            name: record.name,
            synced_at: record.synced_at.map(Timestamp::from_micros).transpose().map_err(&bad)?,
        };
        let key = EmailKey::from_stored(record.email_key);
        set.contacts.insert((account, key), Kept::stored(row));
    }
    Ok(())
}
