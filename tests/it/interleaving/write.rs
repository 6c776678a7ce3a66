//! Every way of writing an account's data.

use ticketsync::proto::v1::{
    AuthorizeConnectionRequest, ContactFieldType, CreateContactRequest, DisconnectRequest,
    EraseContactRequest, FinishConnectionRequest, GetContactRequest, RetryParkedEventsRequest,
    StartConnectionRequest, TicketField, UpdateFieldMappingsRequest,
    authorize_connection_request::Decision, get_contact_request,
};
use tonic::{Code, Status};

use super::{account::Account, writer::Writer};
use crate::{
    mapping::{create, delete, mappings},
    support::{Clients, Connected, Event, created, deleted, permanently_deleted, updated},
};

/// Every way of writing an account's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    CreatedEvent,
    UpdatedEvent,
    OlderEvent,
    MovingEvent,
    DeletedEvent,
    ErasingEvent,
    RetryParked,
    CreateContact,
    EraseContact,
    StartConnection,
    AuthorizeConnection,
    FinishConnection,
    UpdateFieldMappings,
    CreateContactField,
    DeleteContactField,
    Disconnect,
    Prune,
    RotateKeys,
}

impl Write {
    pub const ALL: [Self; 18] = [
        Self::CreatedEvent,
        Self::UpdatedEvent,
        Self::OlderEvent,
        Self::MovingEvent,
        Self::DeletedEvent,
        Self::ErasingEvent,
        Self::RetryParked,
        Self::CreateContact,
        Self::EraseContact,
        Self::StartConnection,
        Self::AuthorizeConnection,
        Self::FinishConnection,
        Self::UpdateFieldMappings,
        Self::CreateContactField,
        Self::DeleteContactField,
        Self::Disconnect,
        Self::Prune,
        Self::RotateKeys,
    ];

    /// How many transactions it makes where nothing is in its way. Between two of them another write
    /// may come.
    pub const fn commits(self) -> usize {
        match self {
            // The state is used up, then the tokens are stored.
            Self::AuthorizeConnection => 2,
            // The floor rises, trigger events go, no more do, event ids go.
            Self::Prune => 4,
            // The connection ends, hints go, parked events go, tickets go, no more do; meanwhile what is
            // left at Zendesk goes, and with it the tokens.
            Self::Disconnect => 6,
            Self::CreatedEvent
            | Self::UpdatedEvent
            | Self::OlderEvent
            | Self::MovingEvent
            | Self::DeletedEvent
            | Self::ErasingEvent
            | Self::RetryParked
            | Self::CreateContact
            | Self::EraseContact
            | Self::StartConnection
            | Self::FinishConnection
            | Self::UpdateFieldMappings
            | Self::CreateContactField
            | Self::DeleteContactField
            | Self::RotateKeys => 1,
        }
    }

    /// Writes, and answers the code of the call.
    pub async fn run(self, by: Writer, account: Account) -> Code {
        let outcome = match (self, self.event()) {
            (Self::Prune, _) => by.prune().await,
            (Self::RotateKeys, _) => by.rotate_keys().await,
            (_, Some(event)) => by.clients.send(&account.to, event).await.map(drop),
            (call, None) => call.call(by.clients, account).await,
        };
        outcome.map_or_else(|status| status.code(), |()| Code::Ok)
    }

    fn event(self) -> Option<Event> {
        Some(match self {
            Self::CreatedEvent => created("w-created", 2).requester(901, "ann@example.com"),
            Self::UpdatedEvent => updated("w-updated", 1, 20).requester(901, "ann@example.com"),
            Self::OlderEvent => updated("w-older", 1, 5).requester(901, "ann@example.com"),
            Self::MovingEvent => updated("w-moving", 1, 30).requester(901, "ann@example.org"),
            Self::DeletedEvent => deleted("w-deleted", 1, 25),
            Self::ErasingEvent => permanently_deleted("w-erasing", 1, 26),
            _ => return None,
        })
    }

    async fn call(self, clients: Clients, account: Account) -> Result<(), Status> {
        let fields = clients.clone();
        let (mut contacts, mut connections) = (clients.contacts, clients.connections);
        let Account { to: Connected { account_id, connection_id }, agreed, spare, .. } = account;
        match self {
            Self::RetryParked => {
                let event_ids = vec!["parked".to_owned()];
                let request = RetryParkedEventsRequest {
                    account_id,
                    connection_id,
                    event_ids,
                    ..RetryParkedEventsRequest::default()
                };
                clients.ingest.clone().retry_parked_events(request).await.map(drop)
            }
            Self::CreateContact => {
                let (email, name) = ("bob@example.com".to_owned(), "Bob".to_owned());
                let request = CreateContactRequest { account_id, email, name };
                contacts.create_contact(request).await.map(drop)
            }
            Self::EraseContact => {
                let contact = get_contact_request::Contact::Email("ann@example.com".into());
                let request =
                    GetContactRequest { account_id: account_id.clone(), contact: Some(contact) };
                let contact_id = contacts.get_contact(request).await?.into_inner().contact_id;
                let request = EraseContactRequest { account_id, contact_id };
                contacts.erase_contact(request).await.map(drop)
            }
            Self::StartConnection => {
                let request = StartConnectionRequest { account_id, subdomain: "second".into() };
                connections.start_connection(request).await.map(drop)
            }
            Self::AuthorizeConnection => {
                let decision = Some(Decision::Code(agreed.code));
                let request =
                    AuthorizeConnectionRequest { account_id, state: agreed.state, decision };
                connections.authorize_connection(request).await.map(drop)
            }
            Self::FinishConnection => {
                let request =
                    FinishConnectionRequest { account_id, connection_id, field_mappings: vec![] };
                connections.finish_connection(request).await.map(drop)
            }
            Self::UpdateFieldMappings => {
                let field_mappings = mappings(&[(TicketField::Subject, &spare)]);
                let request =
                    UpdateFieldMappingsRequest { account_id, connection_id, field_mappings };
                connections.update_field_mappings(request).await.map(drop)
            }
            Self::CreateContactField => {
                let field_type = ContactFieldType::Text;
                create(&fields, &account_id, "new", field_type, &[]).await.map(drop)
            }
            Self::DeleteContactField => delete(&fields, &account_id, &spare).await,
            Self::Disconnect => {
                let request = DisconnectRequest { account_id, connection_id, delete_tickets: true };
                connections.disconnect(request).await.map(drop)
            }
            other => unreachable!("{other:?} is no call"),
        }
    }
}
