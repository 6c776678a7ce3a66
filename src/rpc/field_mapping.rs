//! Field mappings between the contract and the domain.

use crate::{
    domain::{FieldMapping, Invalid, MAX_FIELD_MAPPINGS, repeated},
    error::{Error, Result},
    proto::v1 as pb,
    rpc::{request::contact_field_id, ticket_field},
    service::refuse_mappings,
};

/// Reads `field_mappings`.
pub fn parse(mappings: Vec<pb::FieldMapping>) -> Result<Vec<FieldMapping>> {
    if mappings.len() > MAX_FIELD_MAPPINGS {
        let problem = format!("has {} items, the limit is {MAX_FIELD_MAPPINGS}", mappings.len());
        return Err(Error::invalid("field_mappings", Invalid(problem)));
    }
    let parse = |(index, mapping): (usize, pb::FieldMapping)| {
        let pb::FieldMapping { ticket_field: from, contact_field_id: to } = mapping;
        let path = |name: &str| format!("field_mappings[{index}].{name}");
        let from = ticket_field::parse(from)
            .map_err(|problem| Error::invalid(path("ticket_field"), problem))?;
        Ok(FieldMapping { from, to: contact_field_id(&to, &path("contact_field_id"))? })
    };
    let mappings: Vec<FieldMapping> =
        mappings.into_iter().enumerate().map(parse).collect::<Result<_>>()?;
    refuse_mappings(repeated(&mappings))?;
    Ok(mappings)
}

impl From<FieldMapping> for pb::FieldMapping {
    fn from(mapping: FieldMapping) -> Self {
        let FieldMapping { from, to } = mapping;
        Self { ticket_field: pb::TicketField::from(from).into(), contact_field_id: to.to_string() }
    }
}
