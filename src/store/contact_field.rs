//! The platform's contact fields.

use serde::Deserialize;

use super::{
    Error, LockedAccount, Result, Store, Tx,
    on::on,
    stage::{Staged, Text},
    ticket::json,
};
use crate::domain::{
    AccountId, ContactField, ContactFieldId, ContactFieldType, Invalid, Label, Timestamp,
};

/// What an account has of contact fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactFieldCount {
    pub fields: i64,
    pub textareas: i64,
    /// The one that was added last.
    pub newest: Option<ContactFieldId>,
}

#[derive(sqlx::FromRow, Deserialize)]
struct Row {
    contact_field_id: String,
    name: String,
    kind: String,
    options: String,
    created_at: i64,
}

#[derive(sqlx::FromRow)]
struct CountRow {
    fields: i64,
    textareas: i64,
    newest: Option<String>,
}

impl Store {
    /// The account's contact fields after this one, in the order in which they were added.
    pub async fn contact_fields(
        &self,
        account: &AccountId,
        after: Option<ContactFieldId>,
        limit: i64,
    ) -> Result<Vec<ContactField>> {
        const SQL: &str = "
            select contact_field_id, name, kind, options, created_at
              from contact_fields
             where account_id = $1
               and contact_field_id > $2
             order by contact_field_id
             limit $3";
        let after = after.map_or_else(String::new, |after| after.to_string());
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL).bind(account.as_str()).bind(after).bind(limit).fetch_all(db).await?
        });
        rows.into_iter().map(ContactField::try_from).collect()
    }
}

impl Tx<'_> {
    /// Those of these contact fields that the account has.
    pub async fn contact_fields_with_ids(
        &mut self,
        account: &AccountId,
        ids: impl IntoIterator<Item = ContactFieldId>,
    ) -> Result<Vec<ContactField>> {
        static LOAD: Staged = Staged::query(
            &[("account_id", Text), ("contact_field_id", Text)],
            "f.contact_field_id, f.name, f.kind, f.options, f.created_at",
            "from stage s
               join contact_fields f
                 on f.account_id = s.account_id
                and f.contact_field_id = s.contact_field_id",
        );
        let mut stage = LOAD.stage();
        for id in ids {
            stage.push([account.as_str().into(), id.to_string().into()]);
        }
        let rows = stage.fetch::<Row>(self).await?;
        rows.into_iter().map(ContactField::try_from).collect()
    }

    /// Whether the account has a contact field of this name.
    pub async fn has_contact_field_named(
        &mut self,
        account: &AccountId,
        name: &Label,
    ) -> Result<bool> {
        const SQL: &str = "
            select contact_field_id
              from contact_fields
             where account_id = $1
               and name_key = $2";
        let id: Option<String> = on!(Tx(self), |db| {
            sqlx::query_scalar(SQL)
                .bind(account.as_str())
                .bind(name.key())
                .fetch_optional(db)
                .await?
        });
        Ok(id.is_some())
    }

    /// How many contact fields the account has.
    pub async fn count_contact_fields(&mut self, account: &AccountId) -> Result<ContactFieldCount> {
        const SQL: &str = "
            select count(*) as fields,
                   coalesce(sum(case when kind = 'textarea' then 1 else 0 end), 0) as textareas,
                   max(contact_field_id) as newest
              from contact_fields
             where account_id = $1";
        let row: CountRow =
            on!(Tx(self), |db| sqlx::query_as(SQL).bind(account.as_str()).fetch_one(db).await?);
        let CountRow { fields, textareas, newest } = row;
        let newest = newest.map(|id| contact_field_id("contact_fields", &id)).transpose()?;
        Ok(ContactFieldCount { fields, textareas, newest })
    }

    /// Adds a contact field to the account that is locked.
    pub async fn insert_contact_field(
        &mut self,
        account: &LockedAccount,
        field: &ContactField,
    ) -> Result<()> {
        const SQL: &str = "
            insert into contact_fields (account_id, contact_field_id, name, name_key, kind, options,
                                        created_at)
                 values ($1, $2, $3, $4, $5, $6, $7)";
        let options: Vec<&str> = field.field_type.options().iter().map(Label::as_str).collect();
        let options = serde_json::to_string(&options)
            .map_err(|problem| Error::Refused(sqlx::Error::Encode(problem.into())))?;
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.account.as_str())
                .bind(field.id.to_string())
                .bind(field.name.as_str())
                .bind(field.name.key())
                .bind(field.field_type.as_str())
                .bind(options)
                .bind(field.created_at.as_micros())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Removes a contact field, of which no values are left, from the account that is locked.
    pub async fn delete_contact_field(
        &mut self,
        account: &LockedAccount,
        id: ContactFieldId,
    ) -> Result<()> {
        const SQL: &str = "
            delete from contact_fields
             where account_id = $1
               and contact_field_id = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(account.account.as_str())
                .bind(id.to_string())
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl TryFrom<Row> for ContactField {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("contact_fields", &problem);
        let Row { contact_field_id: id, name, kind, options, created_at } = row;
        Ok(Self {
            id: contact_field_id("contact_fields", &id)?,
            name: name.try_into().map_err(corrupt)?,
            field_type: field_type("contact_fields", &kind, &options)?,
            created_at: Timestamp::from_micros(created_at).map_err(corrupt)?,
        })
    }
}

/// Reads a contact field's id from a column of this table.
pub(super) fn contact_field_id(table: &'static str, id: &str) -> Result<ContactFieldId> {
    id.parse().map_err(|problem| Error::corrupt(table, &problem))
}

/// Reads what a contact field holds from its word and its options.
pub(super) fn field_type(
    table: &'static str,
    kind: &str,
    options: &str,
) -> Result<ContactFieldType> {
    let corrupt = |problem: Invalid| Error::corrupt(table, &problem);
    let options: Vec<String> = json(table, options)?;
    let options = options.into_iter().map(Label::try_from).collect::<Result<_, _>>();
    ContactFieldType::from_stored(kind, options.map_err(corrupt)?).map_err(corrupt)
}
