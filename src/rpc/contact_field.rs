//! `ContactFieldService`: the platform's contact fields.

use std::collections::HashMap;

use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AccountId, ContactField, ContactFieldType, ContactFieldValue, Invalid, Label, MAX_OPTIONS,
    },
    error::{Error, Result},
    proto::v1::{self as pb, contact_field_service_server::ContactFieldService},
    rpc::{
        page::{Listing, count_within},
        request::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, account_id, contact_field_id, page_size},
        ticket::unknown,
    },
    service::ContactFields,
    store::Store,
};

/// Where a page of contact fields ends: half of what a client of gRPC takes unasked (4 MiB). A dropdown
/// with all its options takes 25 KiB.
const MAX_FIELDS_BYTES: usize = 2 * 1024 * 1024;

/// Answers `ContactFieldService`.
pub struct ContactFieldApi {
    store: Store,
    fields: ContactFields,
}

impl ContactFieldApi {
    /// Reads from the store, and writes through the service.
    #[must_use]
    pub const fn new(store: Store, fields: ContactFields) -> Self {
        Self { store, fields }
    }

    async fn create(&self, request: pb::CreateContactFieldRequest) -> Result<pb::ContactField> {
        let pb::CreateContactFieldRequest { account_id: account, name, r#type, options } = request;
        let account = account_id(account)?;
        let name = name.try_into().map_err(|problem| Error::invalid("name", problem))?;
        let field_type = parse_type(r#type, options)?;
        let field = self.fields.create(account.clone(), name, field_type).await?;
        Ok(to_message(&account, field))
    }

    async fn list(
        &self,
        request: pb::ListContactFieldsRequest,
    ) -> Result<pb::ListContactFieldsResponse> {
        let pb::ListContactFieldsRequest { account_id: account, page_size: size, page_token } =
            request;
        let account = account_id(account)?;
        let size = page_size(size, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        let listing = Listing::new(&account, "ListContactFields", &[]);
        let after = listing.after(&page_token)?;
        let fields = self.store.contact_fields(&account, after, size + 1).await?;
        let to_item = |field: ContactField| (field.id, to_message(&account, field));
        let mut items: Vec<_> = fields.into_iter().map(to_item).collect();
        let sizes = items.iter().map(|(_, field)| field.encoded_len());
        let size = size.min(count_within(sizes, MAX_FIELDS_BYTES));
        let next_page_token = listing.cut(&mut items, size, |(id, _)| *id);
        let contact_fields = items.into_iter().map(|(_, field)| field).collect();
        Ok(pb::ListContactFieldsResponse { contact_fields, next_page_token })
    }

    async fn delete(
        &self,
        request: pb::DeleteContactFieldRequest,
    ) -> Result<pb::DeleteContactFieldResponse> {
        let pb::DeleteContactFieldRequest { account_id: account, contact_field_id: field } =
            request;
        let account = account_id(account)?;
        self.fields.delete(account, contact_field_id(&field, "contact_field_id")?).await?;
        Ok(pb::DeleteContactFieldResponse {})
    }
}

#[tonic::async_trait]
impl ContactFieldService for ContactFieldApi {
    async fn create_contact_field(
        &self,
        request: Request<pb::CreateContactFieldRequest>,
    ) -> Result<Response<pb::ContactField>, Status> {
        Ok(Response::new(self.create(request.into_inner()).await?))
    }

    async fn list_contact_fields(
        &self,
        request: Request<pb::ListContactFieldsRequest>,
    ) -> Result<Response<pb::ListContactFieldsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn delete_contact_field(
        &self,
        request: Request<pb::DeleteContactFieldRequest>,
    ) -> Result<Response<pb::DeleteContactFieldResponse>, Status> {
        Ok(Response::new(self.delete(request.into_inner()).await?))
    }
}

/// Reads `type` and `options`, which belong together.
fn parse_type(number: i32, options: Vec<String>) -> Result<ContactFieldType> {
    let invalid = |problem| Error::invalid("type", problem);
    let field_type =
        match pb::ContactFieldType::try_from(number).map_err(|_| invalid(unknown(number)))? {
            pb::ContactFieldType::Unspecified => return Err(Error::missing("type")),
            pb::ContactFieldType::Text => ContactFieldType::Text,
            pb::ContactFieldType::Textarea => ContactFieldType::Textarea,
            pb::ContactFieldType::Number => ContactFieldType::Number,
            pb::ContactFieldType::Date => ContactFieldType::Date,
            pb::ContactFieldType::Datetime => ContactFieldType::Datetime,
            pb::ContactFieldType::Dropdown => {
                return parse_options(options).map(ContactFieldType::Dropdown);
            }
        };
    if !options.is_empty() {
        return Err(Error::invalid("options", Invalid::new("are for a dropdown only")));
    }
    Ok(field_type)
}

fn parse_options(options: Vec<String>) -> Result<Vec<Label>> {
    if options.is_empty() {
        return Err(Error::missing("options"));
    }
    if options.len() > MAX_OPTIONS {
        let problem = format!("has {} items, the limit is {MAX_OPTIONS}", options.len());
        return Err(Error::invalid("options", Invalid(problem)));
    }
    let mut seen = HashMap::new();
    let parse = |(index, option): (usize, String)| {
        let invalid = |problem| Error::invalid(format!("options[{index}]"), problem);
        let option = Label::try_from(option).map_err(invalid)?;
        match seen.insert(option.key(), index) {
            None => Ok(option),
            Some(first) => Err(invalid(Invalid(format!("is the same as options[{first}]")))),
        }
    };
    options.into_iter().enumerate().map(parse).collect()
}

fn to_message(account: &AccountId, field: ContactField) -> pb::ContactField {
    let ContactField { id, name, field_type, created_at } = field;
    pb::ContactField {
        account_id: account.to_string(),
        contact_field_id: id.to_string(),
        name: name.as_str().into(),
        r#type: pb::ContactFieldType::from(&field_type).into(),
        options: field_type.options().iter().map(|option| option.as_str().into()).collect(),
        create_time: Some(created_at.into()),
    }
}

impl From<&ContactFieldType> for pb::ContactFieldType {
    fn from(field_type: &ContactFieldType) -> Self {
        match field_type {
            ContactFieldType::Text => Self::Text,
            ContactFieldType::Textarea => Self::Textarea,
            ContactFieldType::Number => Self::Number,
            ContactFieldType::Date => Self::Date,
            ContactFieldType::Datetime => Self::Datetime,
            ContactFieldType::Dropdown(_) => Self::Dropdown,
        }
    }
}

impl From<ContactFieldValue> for pb::ContactFieldValue {
    fn from(value: ContactFieldValue) -> Self {
        let ContactFieldValue { field, name, value } = value;
        Self { contact_field_id: field.to_string(), name: name.as_str().into(), value }
    }
}
