//! The platform's contact fields, as they are told and taken back.

use super::{Writes, writes::in_time};
use crate::{
    clock,
    domain::{
        AccountId, ContactField, ContactFieldId, ContactFieldType, Invalid, Label,
        MAX_CONTACT_FIELDS, MAX_TEXTAREAS,
    },
    error::{Error, Result},
    store::{ContactFieldCount, LockedAccount, Store, Tx},
};

/// How many contacts lose their value in one transaction: the account waits for it, for some
/// milliseconds.
const CHUNK_ROWS: i64 = 1_000;

/// Writes contact fields. Cheap to clone.
#[derive(Clone)]
pub struct ContactFields {
    store: Store,
    writes: Writes,
}

impl ContactFields {
    /// Writes contact fields to this store.
    #[must_use]
    pub const fn new(store: Store, writes: Writes) -> Self {
        Self { store, writes }
    }

    /// Adds a contact field that the platform has. An account that is new is taken up.
    ///
    /// # Errors
    /// [`Error::ContactFieldExists`] when another one has the name; [`Error::InvalidFields`] when the
    /// account has too many.
    pub async fn create(
        &self,
        account: AccountId,
        name: Label,
        field_type: ContactFieldType,
    ) -> Result<ContactField> {
        let store = self.store.clone();
        let whole = async move {
            let mut tx = store.begin().await?;
            let now = clock::now();
            let locked = tx.take_up_account(&account, now).await?;
            if tx.has_contact_field_named(&account, &name).await? {
                return Err(Error::ContactFieldExists);
            }
            let count = tx.count_contact_fields(&account).await?;
            refuse_too_many(count, &field_type)?;
            let id = ContactFieldId::after(count.newest, now, rand::random());
            let field = ContactField { id, name, field_type, created_at: now };
            tx.insert_contact_field(&locked, &field).await?;
            tx.commit().await?;
            Ok(field)
        };
        self.writes.run(whole).await
    }

    /// Removes a contact field with all its values.
    ///
    /// # Errors
    /// [`Error::ContactFieldsNotFound`]; [`Error::ContactFieldMapped`] while a mapping writes to it, also
    /// when that was made while the values were being removed.
    pub async fn delete(&self, account: AccountId, field: ContactFieldId) -> Result<()> {
        let store = self.store.clone();
        let whole = async move {
            let (mut after, mut configured) = (String::new(), None);
            loop {
                let step = async {
                    let mut tx = store.begin().await?;
                    let locked = unmapped(&mut tx, &account, field).await?;
                    // It may have been mapped meanwhile, and written to where this has been before.
                    if configured.replace(locked.config_version) != Some(locked.config_version) {
                        after.clear();
                    }
                    let last = tx.delete_contact_values(&locked, field, &after, CHUNK_ROWS).await?;
                    if last.is_none() {
                        tx.delete_contact_field(&locked, field).await?;
                    }
                    tx.commit().await?;
                    Ok::<_, Error>(last)
                };
                match in_time(step).await? {
                    None => return Ok(()),
                    Some(last) => after = last,
                }
            }
        };
        self.writes.run_in_steps(whole).await
    }
}

/// Locks the account of a contact field that no mapping writes to.
async fn unmapped(
    tx: &mut Tx<'_>,
    account: &AccountId,
    field: ContactFieldId,
) -> Result<LockedAccount> {
    let missing = || Error::contact_fields_not_found(["contact_field_id".to_owned()]);
    let locked = tx.lock_account(account).await?.ok_or_else(missing)?;
    if tx.contact_fields_with_ids(account, [field]).await?.is_empty() {
        return Err(missing());
    }
    if tx.is_mapped(account, field).await? {
        return Err(Error::ContactFieldMapped);
    }
    Ok(locked)
}

fn refuse_too_many(count: ContactFieldCount, field_type: &ContactFieldType) -> Result<()> {
    if count.fields >= MAX_CONTACT_FIELDS {
        let problem = format!("has {MAX_CONTACT_FIELDS} contact fields, which is the limit");
        return Err(Error::invalid("account_id", Invalid(problem)));
    }
    if *field_type == ContactFieldType::Textarea && count.textareas >= MAX_TEXTAREAS {
        let problem = format!("{MAX_TEXTAREAS} of an account's contact fields may be of this type");
        return Err(Error::invalid("type", Invalid(problem)));
    }
    Ok(())
}
