//! The rules of the sync, each by name, through the API.

mod admission;
mod fetched;
mod gone;
mod parked;
mod people;
mod repeats;
mod versions;

use ticketsync::proto::v1::{
    Contact, EventOutcome, GetContactRequest, GetEventRequest, GetTicketObjectRequest,
    GetTicketRequest, ListParkedEventsRequest, Ticket, TriggerEvent,
    get_contact_request::Contact as By,
};
use tonic::Status;

use crate::{
    support::{Connected, Database, Services, tail},
    trigger::{EARLIEST, events},
};

/// The services with one ACTIVE connection of the account `acme`.
async fn start(db: &Database) -> (Services, Connected) {
    (Services::start(db).await, db.active_connection("acme").await)
}

async fn contact(services: &Services, email: &str) -> Result<Contact, Status> {
    let request =
        GetContactRequest { account_id: "acme".into(), contact: Some(By::Email(email.into())) };
    Ok(services.contacts.clone().get_contact(request).await?.into_inner())
}

/// The tickets in the object of the contact with this e-mail address.
async fn object(services: &Services, email: &str) -> Vec<i64> {
    let contact_id = contact(services, email).await.unwrap().contact_id;
    let request = GetTicketObjectRequest {
        account_id: "acme".into(),
        contact_id,
        ..GetTicketObjectRequest::default()
    };
    let object = services.contacts.clone().get_ticket_object(request).await.unwrap();
    object.into_inner().rows.into_iter().map(|row| row.ticket_id).collect()
}

async fn ticket(services: &Services, connected: &Connected, id: i64) -> Result<Ticket, Status> {
    let request = GetTicketRequest {
        account_id: connected.account_id.clone(),
        connection_id: connected.connection_id.clone(),
        ticket_id: id,
    };
    let answer = services.contacts.clone().get_ticket(request).await?;
    Ok(answer.into_inner().ticket.unwrap())
}

async fn log(services: &Services) -> Vec<TriggerEvent> {
    events(services.read(tail("acme", EARLIEST)).await.unwrap())
}

async fn parked(services: &Services) -> Vec<String> {
    let request =
        ListParkedEventsRequest { account_id: "acme".into(), ..ListParkedEventsRequest::default() };
    let answer = services.ingest.clone().list_parked_events(request).await.unwrap();
    answer.into_inner().parked_events.into_iter().map(|event| event.event_id).collect()
}

async fn outcome_of(services: &Services, connected: &Connected, event_id: &str) -> EventOutcome {
    let request = GetEventRequest {
        account_id: connected.account_id.clone(),
        connection_id: connected.connection_id.clone(),
        event_id: event_id.into(),
        ..GetEventRequest::default()
    };
    let event = services.ingest.clone().get_event(request).await.unwrap().into_inner();
    event.result.unwrap().outcome()
}
