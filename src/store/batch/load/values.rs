//! Loading the field mappings of a batch's connections, and what they have written before.

use std::collections::HashSet;

use serde::Deserialize;

use crate::{
    domain::{AccountId, ContactId, FieldCopy, Kept, ValueRow, WorkingSet},
    store::{
        Result, Tx,
        batch::row::{connection_key, corrupt, version},
        contact::contact_id,
        contact_field::{contact_field_id, field_type},
        stage::{Stage, Staged, Text},
    },
};

#[derive(sqlx::FromRow, Deserialize)]
struct MappingRecord {
    account_id: String,
    connection_id: String,
    contact_field_id: String,
    ticket_field: String,
    kind: String,
    options: String,
}

#[derive(sqlx::FromRow, Deserialize)]
struct ValueRecord {
    account_id: String,
    contact_id: String,
    contact_field_id: String,
    connection_id: String,
    ticket_id: i64,
    updated_at: i64,
    observed_at: i64,
    observed_event_id: String,
}

static MAPPINGS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text)],
    "m.account_id, m.connection_id, m.contact_field_id, m.ticket_field, f.kind, f.options",
    "from stage s
       join field_mappings m
         on m.account_id = s.account_id
        and m.connection_id = s.connection_id
       join contact_fields f
         on f.account_id = m.account_id
        and f.contact_field_id = m.contact_field_id",
);

static VALUES: Staged = Staged::query(
    &[("account_id", Text), ("contact_id", Text)],
    "v.account_id, v.contact_id, v.contact_field_id, v.connection_id, v.ticket_id, v.updated_at,
     v.observed_at, v.observed_event_id",
    "from stage s
       join contact_values v
         on v.account_id = s.account_id
        and v.contact_id = s.contact_id",
);

impl Tx<'_> {
    /// Loads the mappings of those connections of which it is known that they have, or had, any, and
    /// who wrote the values of every contact that the batch may write to. Nothing is sent where no
    /// connection ever had a mapping. Comes after the requesters and the contacts.
    pub(super) async fn load_mappings(&mut self, set: &mut WorkingSet) -> Result<()> {
        let mappings = mappings(set).fetch(self).await?;
        keep_mappings(set, mappings)?;
        let values = values(set).fetch(self).await?;
        keep_values(set, values)
    }
}

fn mappings(set: &WorkingSet) -> Stage<'_> {
    let mut stage = MAPPINGS.stage();
    for key in set.mappings.keys() {
        stage.push([key.account.as_str().into(), key.connection.to_string().into()]);
    }
    stage
}

fn keep_mappings(set: &mut WorkingSet, records: Vec<MappingRecord>) -> Result<()> {
    const TABLE: &str = "field_mappings";
    for record in records {
        let key = connection_key(TABLE, record.account_id, &record.connection_id)?;
        let copy = FieldCopy {
            from: record.ticket_field.parse().map_err(corrupt(TABLE))?,
            to: contact_field_id(TABLE, &record.contact_field_id)?,
            field_type: field_type("contact_fields", &record.kind, &record.options)?,
        };
        set.mappings.entry(key).or_default().push(copy);
    }
    Ok(())
}

fn values(set: &WorkingSet) -> Stage<'_> {
    let mut stage = VALUES.stage();
    for (account, contact) in written_to(set) {
        stage.push([account.as_str().into(), contact.to_string().into()]);
    }
    stage
}

fn keep_values(set: &mut WorkingSet, records: Vec<ValueRecord>) -> Result<()> {
    const TABLE: &str = "contact_values";
    for record in records {
        let ValueRecord { updated_at, observed_at, observed_event_id, .. } = record;
        let key = connection_key(TABLE, record.account_id, &record.connection_id)?;
        let contact = contact_id(TABLE, &record.contact_id)?;
        let field = contact_field_id(TABLE, &record.contact_field_id)?;
        let row = ValueRow {
            connection: key.connection,
            ticket_id: record.ticket_id.try_into().map_err(corrupt(TABLE))?,
            version: version(TABLE, updated_at, observed_at, observed_event_id)?,
            value: None,
        };
        set.values.insert((key.account, contact, field), Kept::stored(Some(row)));
    }
    Ok(())
}

/// The contacts that the requesters of connections with mappings are, or may become.
fn written_to(set: &WorkingSet) -> HashSet<(&AccountId, ContactId)> {
    let mapped = set.mappings.iter().filter(|(_, copies)| !copies.is_empty());
    let accounts: HashSet<&AccountId> = mapped.map(|(key, _)| &key.account).collect();
    let requesters =
        set.requesters.iter().map(|((key, _), row)| (&key.account, row.get().contact_id));
    let contacts = set.contacts.iter().map(|((account, _), row)| (account, row.get().id));
    requesters.chain(contacts).filter(|(account, _)| accounts.contains(account)).collect()
}
