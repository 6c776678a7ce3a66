//! Every way of writing an account's data.

use ticketsync::proto::v1::{
    CreateContactRequest, DisconnectRequest, EraseContactRequest, FinishConnectionRequest,
    GetContactRequest, RetryParkedEventsRequest, StartConnectionRequest, get_contact_request,
};
use tonic::{Code, Status};

use crate::support::{Clients, Connected, created, deleted, permanently_deleted, updated};

/// Every way of writing an account's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    FinishConnection,
    Disconnect,
}

impl Write {
    pub const ALL: [Self; 12] = [
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
        Self::FinishConnection,
        Self::Disconnect,
    ];

    /// Writes, and answers the code of the call.
    pub async fn run(self, clients: Clients, to: Connected) -> Code {
        let event = match self {
            Self::CreatedEvent => created("w-created", 2).requester(901, "ann@example.com"),
            Self::UpdatedEvent => updated("w-updated", 1, 20).requester(901, "ann@example.com"),
            Self::OlderEvent => updated("w-older", 1, 5).requester(901, "ann@example.com"),
            Self::MovingEvent => updated("w-moving", 1, 30).requester(901, "ann@example.org"),
            Self::DeletedEvent => deleted("w-deleted", 1, 25),
            Self::ErasingEvent => permanently_deleted("w-erasing", 1, 26),
            other => return code(other.call(clients, to).await),
        };
        code(clients.send(&to, event).await.map(drop))
    }

    async fn call(self, clients: Clients, to: Connected) -> Result<(), Status> {
        let (mut contacts, mut connections) = (clients.contacts, clients.connections);
        let Connected { account_id, connection_id } = to;
        match self {
            Self::RetryParked => {
                let event_ids = vec!["parked".to_owned()];
                let request = RetryParkedEventsRequest { account_id, connection_id, event_ids };
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
            Self::FinishConnection => {
                let request = FinishConnectionRequest { account_id, connection_id };
                connections.finish_connection(request).await.map(drop)
            }
            Self::Disconnect => {
                let request = DisconnectRequest { account_id, connection_id, delete_tickets: true };
                connections.disconnect(request).await.map(drop)
            }
            event => unreachable!("{event:?} is an event"),
        }
    }
}

fn code(outcome: Result<(), Status>) -> Code {
    outcome.map_or_else(|status| status.code(), |()| Code::Ok)
}
