//! The whole way: what people do at the help desk reaches the ticket objects by signed webhooks and
//! fetching, through the built program and public sockets only.

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::proto::v1::{
    GetConnectionRequest, GetTicketRequest, Ticket, TicketStatus, TriggerEvent, TriggerKind,
    WebhookState,
};

use super::desk::{HelpDesk, letter};
use crate::support::{Balancer, Clients, Connected, Replica, eventually, on_both_engines};

/// The ticket as it is synced; none where it stands in nobody's object.
async fn synced(clients: &Clients, to: &Connected, id: &Value) -> Option<Ticket> {
    let Connected { account_id, connection_id } = to.clone();
    let request = GetTicketRequest { account_id, connection_id, ticket_id: id.as_i64().unwrap() };
    clients.contacts.clone().get_ticket(request).await.ok()?.into_inner().ticket
}

async fn until_registered(clients: &Clients, to: &Connected) {
    eventually("the webhook", async || {
        let Connected { account_id, connection_id } = to.clone();
        let request = GetConnectionRequest { account_id, connection_id };
        let connection = clients.connections.clone().get_connection(request).await.unwrap();
        (connection.into_inner().webhook_state() == WebhookState::Registered).then_some(())
    })
    .await;
}

on_both_engines! {
    async fn a_connected_help_desk_stays_in_sync_by_itself(db: Database) {
        let help = HelpDesk::start().await;
        // Where the webhook is to be called is said before the program knows its port.
        let balancer = Balancer::start().await;
        let service = Replica::run(&mut help.program(db.url(), &balancer.url)).await;
        balancer.send_to(vec![service.http]);
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        until_registered(&clients, &to).await;

        let id = help.write(letter("Ann", Some("ann@example.com"))).await["id"].clone();
        eventually("the new ticket", async || synced(&clients, &to, &id).await).await;
        help.change(&id, json!({ "status": "pending" })).await;
        eventually("the change", async || {
            let ticket = synced(&clients, &to, &id).await?;
            (ticket.status() == TicketStatus::Pending).then_some(())
        })
        .await;
        help.person(Method::DELETE, &format!("tickets/{id}.json"), Value::Null).await;
        eventually("the deletion", async || {
            synced(&clients, &to, &id).await.is_none().then_some(())
        })
        .await;

        help.all_delivered().await;
        let log = clients.log(&to.account_id).await;
        let kinds: Vec<TriggerKind> = log.iter().map(TriggerEvent::kind).collect();
        assert_eq!(kinds, [TriggerKind::TicketCreated, TriggerKind::TicketUpdated]);
        let contact = log[0].contact.as_ref().unwrap();
        assert_eq!((contact.email.as_str(), contact.name.as_str()), ("ann@example.com", "Ann"));
    }
}
