//! Contacts.

use super::{Error, Result, Store, Tx, on::on};
use crate::domain::{AccountId, Contact, ContactId, EmailKey, Invalid, Timestamp};

#[derive(sqlx::FromRow)]
struct Row {
    contact_id: String,
    email: String,
    name: String,
    synced_at: Option<i64>,
    created_at: i64,
}

impl Store {
    /// A contact by its id.
    pub async fn contact(&self, account: &AccountId, id: ContactId) -> Result<Option<Contact>> {
        const SQL: &str = "
            select contact_id, email, name, synced_at, created_at
              from contacts
             where account_id = $1
               and contact_id = $2";
        let row: Option<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(id.to_string())
                .fetch_optional(db)
                .await?
        });
        row.map(Contact::try_from).transpose()
    }

    /// A contact by its e-mail address.
    pub async fn contact_with_email(
        &self,
        account: &AccountId,
        email: &EmailKey,
    ) -> Result<Option<Contact>> {
        const SQL: &str = "
            select contact_id, email, name, synced_at, created_at
              from contacts
             where account_id = $1
               and email_key = $2";
        let row: Option<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL)
                .bind(account.as_str())
                .bind(email.as_str())
                .fetch_optional(db)
                .await?
        });
        row.map(Contact::try_from).transpose()
    }

    /// The account's contacts after this one, oldest first: ids grow with time.
    pub async fn contacts(
        &self,
        account: &AccountId,
        after: Option<ContactId>,
        limit: i64,
    ) -> Result<Vec<Contact>> {
        const SQL: &str = "
            select contact_id, email, name, synced_at, created_at
              from contacts
             where account_id = $1
               and contact_id > $2
             order by contact_id
             limit $3";
        let after = after.map_or_else(String::new, |after| after.to_string());
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL).bind(account.as_str()).bind(after).bind(limit).fetch_all(db).await?
        });
        rows.into_iter().map(Contact::try_from).collect()
    }
}

impl Tx<'_> {
    /// The id of the contact that has this e-mail address.
    pub async fn contact_id_with_email(
        &mut self,
        account: &AccountId,
        email: &EmailKey,
    ) -> Result<Option<ContactId>> {
        const SQL: &str = "
            select contact_id
              from contacts
             where account_id = $1
               and email_key = $2";
        let id: Option<String> = on!(Tx(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(account.as_str())
                .bind(email.as_str())
                .fetch_optional(db)
                .await?
        });
        id.map(|id| contact_id("contacts", &id)).transpose()
    }

    /// Inserts a contact that was never synced.
    pub async fn insert_contact(&mut self, account: &AccountId, contact: &Contact) -> Result<()> {
        const SQL: &str = "
            insert into contacts (account_id, contact_id, email, email_key, name, synced_at,
                                  created_at)
                 values ($1, $2, $3, $4, $5, null, $6)";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.as_str())
                .bind(contact.id.to_string())
                .bind(contact.email.as_str())
                .bind(contact.email.key().as_str())
                .bind(contact.name.as_str())
                .bind(contact.created_at.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl TryFrom<Row> for Contact {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("contacts", &problem);
        let Row { contact_id: id, email, name, synced_at, created_at } = row;
        Ok(Self {
            id: contact_id("contacts", &id)?,
            email: email.try_into().map_err(corrupt)?,
            name,
            synced: synced_at.is_some(),
            created_at: Timestamp::from_micros(created_at).map_err(corrupt)?,
        })
    }
}

/// Reads a contact's id from a column of this table.
pub(super) fn contact_id(table: &'static str, id: &str) -> Result<ContactId> {
    id.parse().map_err(|problem| Error::corrupt(table, &problem))
}
