//! Field mappings of a connection: checked against the account's contact fields, and replaced.

use super::{Connecting, disconnecting::locked};
use crate::{
    domain::{
        Connection, ConnectionKey, FieldMapping, MappingFault, MappingFaultKind, Timestamp, unfit,
    },
    error::{Error, FieldViolation, Result},
    store::{LockedAccount, Tx},
};

impl Connecting {
    /// Replaces the field mappings of a connection.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`]; [`Error::ContactFieldsNotFound`] and [`Error::InvalidFields`], which
    /// name the mappings at fault.
    pub async fn update_field_mappings(
        &self,
        key: ConnectionKey,
        mappings: Vec<FieldMapping>,
        now: Timestamp,
    ) -> Result<Connection> {
        let store = self.store.clone();
        let whole = async move {
            let mut tx = store.begin().await?;
            let (mut locked, connection) = locked(&mut tx, &key).await?;
            let mapped = map_fields(&mut tx, &mut locked, connection, mappings, now).await?;
            tx.commit().await?;
            Ok(mapped)
        };
        self.writes.run(whole).await
    }
}

/// Gives a connection of the locked account other mappings, once they are found to fit.
pub(super) async fn map_fields(
    tx: &mut Tx<'_>,
    locked: &mut LockedAccount,
    connection: Connection,
    mut mappings: Vec<FieldMapping>,
    now: Timestamp,
) -> Result<Connection> {
    let named = mappings.iter().map(|mapping| mapping.to);
    let fields = tx.contact_fields_with_ids(&locked.account, named).await?;
    refuse(unfit(&mappings, &fields))?;
    mappings.sort_by_key(|mapping| mapping.to);
    if mappings != connection.field_mappings {
        tx.replace_field_mappings(locked, &connection.key, &mappings, now).await?;
    }
    Ok(Connection { field_mappings: mappings, ..connection })
}

/// Refuses mappings at fault by their paths in the request. Contact fields that are not there come first:
/// of the others nothing can be said before.
///
/// # Errors
/// When there is a fault.
pub fn refuse(faults: Vec<MappingFault>) -> Result<()> {
    let (mut missing, mut invalid) = (Vec::new(), Vec::new());
    for MappingFault { index, kind } in faults {
        let path = |name| format!("field_mappings[{index}].{name}");
        let violation = |field, description| FieldViolation { field, description };
        match kind {
            MappingFaultKind::NoContactField => missing.push(path("contact_field_id")),
            MappingFaultKind::ContactField(problem) => {
                invalid.push(violation(path("contact_field_id"), problem.0));
            }
            MappingFaultKind::TicketField(problem) => {
                invalid.push(violation(path("ticket_field"), problem.0));
            }
        }
    }
    if !missing.is_empty() {
        return Err(Error::contact_fields_not_found(missing));
    }
    if invalid.is_empty() { Ok(()) } else { Err(Error::InvalidFields(invalid)) }
}
