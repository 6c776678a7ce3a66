//! Which ticket fields of a connection are copied to which contact fields.

use super::{
    Error, LockedAccount, Result, Store, Tx,
    contact_field::contact_field_id,
    on::on,
    stage::{Staged, Text},
};
use crate::domain::{AccountId, ConnectionKey, ContactFieldId, FieldMapping, Invalid, Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    contact_field_id: String,
    ticket_field: String,
}

const OF_CONNECTION: &str = "
    select contact_field_id, ticket_field
      from field_mappings
     where account_id = $1
       and connection_id = $2
     order by contact_field_id";

impl Store {
    /// The field mappings of a connection, in the order of the contact fields' ids.
    pub(super) async fn field_mappings(&self, key: &ConnectionKey) -> Result<Vec<FieldMapping>> {
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(OF_CONNECTION)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(FieldMapping::try_from).collect()
    }
}

impl Tx<'_> {
    /// The field mappings of a connection, in the order of the contact fields' ids.
    pub(super) async fn field_mappings(
        &mut self,
        key: &ConnectionKey,
    ) -> Result<Vec<FieldMapping>> {
        let rows: Vec<Row> = on!(Tx(self), |db| {
            sqlx::query_as(OF_CONNECTION)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(FieldMapping::try_from).collect()
    }

    /// Replaces the field mappings of a connection of the account that is locked.
    pub async fn replace_field_mappings(
        &mut self,
        account: &mut LockedAccount,
        key: &ConnectionKey,
        mappings: &[FieldMapping],
        now: Timestamp,
    ) -> Result<()> {
        const DELETE: &str = "
            delete from field_mappings
             where account_id = $1
               and connection_id = $2";
        static INSERT: Staged = Staged::new(
            &[
                ("account_id", Text),
                ("connection_id", Text),
                ("contact_field_id", Text),
                ("ticket_field", Text),
            ],
            "insert into field_mappings (account_id, connection_id, contact_field_id, ticket_field)
             select account_id, connection_id, contact_field_id, ticket_field
               from stage",
        );
        // Only ever set: what was written under a mapping stays when it goes.
        const MAPPED: &str = "
            update connections
               set mapped_at = $3
             where account_id = $1
               and connection_id = $2
               and mapped_at is null";
        on!(Tx(self), |db| {
            sqlx::query(DELETE)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .execute(db)
                .await
                .map(drop)
        })?;
        let mut insert = INSERT.stage();
        for FieldMapping { from, to } in mappings {
            insert.push([
                key.account.as_str().into(),
                key.connection.to_string().into(),
                to.to_string().into(),
                from.key().into(),
            ]);
        }
        insert.execute(self).await?;
        if !mappings.is_empty() {
            on!(Tx(self), |db| {
                sqlx::query(MAPPED)
                    .bind(key.account.as_str())
                    .bind(key.connection.to_string())
                    .bind(now.as_micros())
                    .execute(db)
                    .await
                    .map(drop)
            })?;
        }
        self.configuration_changed(account).await
    }

    /// Whether any connection of the account copies a ticket field to this contact field.
    pub async fn is_mapped(&mut self, account: &AccountId, field: ContactFieldId) -> Result<bool> {
        const SQL: &str = "
            select connection_id
              from field_mappings
             where account_id = $1
               and contact_field_id = $2
             limit 1";
        let connection: Option<String> = on!(Tx(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(account.as_str())
                .bind(field.to_string())
                .fetch_optional(db)
                .await?
        });
        Ok(connection.is_some())
    }
}

impl TryFrom<Row> for FieldMapping {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("field_mappings", &problem);
        Ok(Self {
            from: row.ticket_field.parse().map_err(corrupt)?,
            to: contact_field_id("field_mappings", &row.contact_field_id)?,
        })
    }
}
