//! Saving what field mappings have written.

use crate::{
    domain::{Origin, WorkingSet},
    store::stage::{Int, Kind, Long, Stage, Staged, Text},
};

const COLUMNS: &[(&str, Kind)] = &[
    ("account_id", Text),
    ("contact_id", Text),
    ("contact_field_id", Text),
    ("connection_id", Text),
    ("ticket_id", Int),
    ("updated_at", Int),
    ("observed_at", Int),
    ("observed_event_id", Text),
    ("value", Long),
];

pub(super) static INSERT_VALUES: Staged = Staged::new(
    COLUMNS,
    "insert into contact_values (account_id, contact_id, contact_field_id, connection_id, ticket_id,
                                 updated_at, observed_at, observed_event_id, value)
     select account_id, contact_id, contact_field_id, connection_id, ticket_id, updated_at,
            observed_at, observed_event_id, value
       from stage",
);

pub(super) static UPDATE_VALUES: Staged = Staged::new(
    COLUMNS,
    "update contact_values
        set connection_id = stage.connection_id,
            ticket_id = stage.ticket_id,
            updated_at = stage.updated_at,
            observed_at = stage.observed_at,
            observed_event_id = stage.observed_event_id,
            value = stage.value
       from stage
      where contact_values.account_id = stage.account_id
        and contact_values.contact_id = stage.contact_id
        and contact_values.contact_field_id = stage.contact_field_id",
);

pub(super) static DELETE_VALUES: Staged = Staged::new(
    &[("account_id", Text), ("contact_id", Text), ("contact_field_id", Text)],
    "delete from contact_values
      where (account_id, contact_id, contact_field_id) in
            (select stage.account_id, stage.contact_id, stage.contact_field_id from stage)",
);

/// Values that are new, those that are overwritten, and those of which nothing is left.
pub(super) fn values(set: &WorkingSet) -> [Stage<'_>; 3] {
    let (mut insert, mut update, mut delete) =
        (INSERT_VALUES.stage(), UPDATE_VALUES.stage(), DELETE_VALUES.stage());
    for ((account, contact, field), value) in &set.values {
        let Some(origin) = value.pending() else { continue };
        let (contact, field) = (contact.to_string(), field.to_string());
        let Some(row) = value.get() else {
            if origin == Origin::Stored {
                delete.push([account.as_str().into(), contact.into(), field.into()]);
            }
            continue;
        };
        let stage = match origin {
            Origin::New => &mut insert,
            Origin::Stored => &mut update,
        };
        stage.push([
            account.as_str().into(),
            contact.into(),
            field.into(),
            row.connection.to_string().into(),
            row.ticket_id.get().into(),
            row.version.updated_at.as_micros().into(),
            row.version.observed.at.as_micros().into(),
            row.version.observed.event_id.as_str().into(),
            row.value.as_deref().into(),
        ]);
    }
    [insert, update, delete]
}
