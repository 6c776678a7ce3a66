//! The values that field mappings have written, as they are read and deleted.

use super::{Error, LockedAccount, Result, Store, Tx, contact_field::contact_field_id, on::on};
use crate::domain::{AccountId, ContactFieldId, ContactFieldValue, ContactId};

#[derive(sqlx::FromRow)]
struct Row {
    contact_field_id: String,
    name: String,
    value: String,
}

#[derive(sqlx::FromRow)]
struct ChunkRow {
    last: Option<String>,
    rows: i64,
}

impl Store {
    /// What mappings have written to a contact, in the order of the contact fields' ids. A field
    /// without a value is left out.
    pub async fn contact_values(
        &self,
        account: &AccountId,
        contact: ContactId,
    ) -> Result<Vec<ContactFieldValue>> {
        const SQL: &str = "
            select contact_values.contact_field_id, contact_fields.name, contact_values.value
              from contact_values
              join contact_fields
                on contact_fields.account_id = contact_values.account_id
               and contact_fields.contact_field_id = contact_values.contact_field_id
             where contact_values.account_id = $1
               and contact_values.contact_id = $2
               and contact_values.value is not null
             order by contact_values.contact_field_id";
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(contact.to_string())
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(ContactFieldValue::try_from).collect()
    }
}

impl Tx<'_> {
    /// Deletes the values that the account's next contacts after this one have of a field. Answers the
    /// last of these contacts; none once no values are left after it.
    pub async fn delete_contact_values(
        &mut self,
        account: &LockedAccount,
        field: ContactFieldId,
        after: &str,
        limit: i64,
    ) -> Result<Option<String>> {
        const CHUNK: &str = "
            select max(contact_id) as last, count(*) as rows
              from (select contact_id
                      from contact_values
                     where account_id = $1
                       and contact_field_id = $2
                       and contact_id > $3
                     order by contact_id
                     limit $4) as chunk";
        const DELETE: &str = "
            delete from contact_values
             where account_id = $1
               and contact_field_id = $2
               and contact_id > $3
               and contact_id <= $4";
        let chunk: ChunkRow = on!(Tx(self), |db| {
            sqlx::query_as(CHUNK)
                .bind(account.account.as_str())
                .bind(field.to_string())
                .bind(after)
                .bind(limit)
                .fetch_one(db)
                .await?
        });
        let Some(last) = chunk.last else { return Ok(None) };
        on!(Tx(self), |db| {
            sqlx::query(DELETE)
                .bind(account.account.as_str())
                .bind(field.to_string())
                .bind(after)
                .bind(&last)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok((chunk.rows == limit).then_some(last))
    }
}

impl TryFrom<Row> for ContactFieldValue {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { contact_field_id: field, name, value } = row;
        let name = name.try_into().map_err(|problem| Error::corrupt("contact_fields", &problem))?;
        Ok(Self { field: contact_field_id("contact_values", &field)?, name, value })
    }
}
