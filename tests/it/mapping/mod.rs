//! Rule 10: ticket fields that are copied to contact fields.

mod applied;
mod erased;
mod fields;
mod newest;

use ticketsync::proto::v1::{
    Connection, ContactField, ContactFieldType, CreateContactFieldRequest,
    DeleteContactFieldRequest, EventOutcome, FieldMapping, ListContactFieldsRequest,
    ListContactFieldsResponse, TicketField, UpdateFieldMappingsRequest,
};
use tonic::Status;

use crate::{
    connecting::new_keyring,
    contact::by_email,
    support::{Clients, Connected, Database, Event, Services, Zendesk},
};

/// The services, with an ACTIVE connection of the account `acme`.
pub struct Setting {
    pub services: Services,
    pub clients: Clients,
    pub to: Connected,
    _zendesk: Zendesk,
}

impl Setting {
    pub async fn start(db: &Database) -> Self {
        let zendesk = Zendesk::start().await;
        let services = Services::start_beside(&zendesk, db.store().await, new_keyring()).await;
        let clients = services.clients();
        let to = db.active_connection("acme").await;
        Self { services, clients, to, _zendesk: zendesk }
    }

    /// Adds a contact field of the account `acme`, and answers its id.
    pub async fn field(&self, name: &str, field_type: ContactFieldType) -> String {
        create(&self.clients, "acme", name, field_type, &[]).await.unwrap().contact_field_id
    }

    /// The same for a line of text.
    pub async fn text(&self, name: &str) -> String {
        self.field(name, ContactFieldType::Text).await
    }

    /// Replaces the mappings of the connection.
    pub async fn map(&self, mappings: &[(TicketField, &str)]) -> Connection {
        update(&self.clients, &self.to, mappings).await.unwrap()
    }

    /// Sends an event, and answers what it did.
    pub async fn send(&self, event: Event) -> EventOutcome {
        self.services.apply(&self.to, event).await.outcome()
    }

    /// The field values of a contact, as `name=value`.
    pub async fn values(&self, email: &str) -> Vec<String> {
        let contact = by_email(&self.services, email).await.unwrap();
        let shown = |value: ticketsync::proto::v1::ContactFieldValue| {
            format!("{}={}", value.name, value.value)
        };
        contact.field_values.into_iter().map(shown).collect()
    }

    pub async fn stop(self) {
        drop(self.clients);
        self.services.stop().await;
    }
}

pub async fn create(
    clients: &Clients,
    account: &str,
    name: &str,
    field_type: ContactFieldType,
    options: &[&str],
) -> Result<ContactField, Status> {
    let request = CreateContactFieldRequest {
        account_id: account.into(),
        name: name.into(),
        r#type: field_type.into(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    };
    Ok(clients.fields.clone().create_contact_field(request).await?.into_inner())
}

pub async fn delete(clients: &Clients, account: &str, field: &str) -> Result<(), Status> {
    let request =
        DeleteContactFieldRequest { account_id: account.into(), contact_field_id: field.into() };
    clients.fields.clone().delete_contact_field(request).await.map(drop)
}

pub async fn list(
    clients: &Clients,
    account: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListContactFieldsResponse, Status> {
    let request = ListContactFieldsRequest {
        account_id: account.into(),
        page_size,
        page_token: page_token.into(),
    };
    Ok(clients.fields.clone().list_contact_fields(request).await?.into_inner())
}

pub fn mappings(mappings: &[(TicketField, &str)]) -> Vec<FieldMapping> {
    let mapping = |(from, to): &(TicketField, &str)| FieldMapping {
        ticket_field: (*from).into(),
        contact_field_id: (*to).to_owned(),
    };
    mappings.iter().map(mapping).collect()
}

pub async fn update(
    clients: &Clients,
    to: &Connected,
    mapped: &[(TicketField, &str)],
) -> Result<Connection, Status> {
    let request = UpdateFieldMappingsRequest {
        account_id: to.account_id.clone(),
        connection_id: to.connection_id.clone(),
        field_mappings: mappings(mapped),
    };
    Ok(clients.connections.clone().update_field_mappings(request).await?.into_inner())
}
