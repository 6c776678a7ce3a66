//! The whole way: what people do at the help desk reaches the ticket objects by signed webhooks and
//! fetching, through the built program and public sockets only.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use ticketsync::{
    clock,
    proto::v1::{
        Connection, GetConnectionRequest, GetTicketRequest, Ticket, TicketField, TicketStatus,
        TriggerEvent, TriggerKind, WebhookState,
    },
};

use super::desk::{HelpDesk, letter};
use crate::support::{
    Balancer, Clients, Connected, Database, Replica, eventually, on_both_engines,
};

/// A connected help desk and the program beside it.
struct InSync {
    help: HelpDesk,
    clients: Clients,
    to: Connected,
    _balancer: Balancer,
    _service: Replica,
}

impl InSync {
    /// A connection whose webhook is there.
    async fn start(db: &Database) -> Self {
        let help = HelpDesk::start().await;
        // Where the webhook is to be called is said before the program knows its port.
        let balancer = Balancer::start().await;
        let service = Replica::run(&mut help.program(db.url(), &balancer.url)).await;
        balancer.send_to(vec![service.http]);
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        let this = Self { help, clients, to, _balancer: balancer, _service: service };
        eventually("the webhook", async || {
            (this.connection().await.webhook_state() == WebhookState::Registered).then_some(())
        })
        .await;
        this
    }

    async fn connection(&self) -> Connection {
        let Connected { account_id, connection_id } = self.to.clone();
        let request = GetConnectionRequest { account_id, connection_id };
        self.clients.connections.clone().get_connection(request).await.unwrap().into_inner()
    }

    /// The ticket as it is synced; none where it stands in nobody's object.
    async fn synced(&self, id: &Value) -> Option<Ticket> {
        let Connected { account_id, connection_id } = self.to.clone();
        let ticket_id = id.as_i64().unwrap();
        let request = GetTicketRequest { account_id, connection_id, ticket_id };
        self.clients.contacts.clone().get_ticket(request).await.ok()?.into_inner().ticket
    }

    /// Waits until every webhook was delivered and everything that it told of was fetched.
    async fn settled(&self) {
        self.help.all_delivered().await;
        eventually("an empty inbox", async || {
            let status = self.connection().await.sync_status.unwrap();
            (status.waiting_hint_count == 0).then_some(())
        })
        .await;
    }

    /// A ticket that was written minutes ago, once it is synced. Times at the help desk have whole
    /// seconds: what happens to it now has a later one.
    async fn written(&self, name: &str, email: &str) -> Value {
        let input = serde_json::from_value(letter(name, Some(email))).unwrap();
        let (desk, then) = (&self.help.desk, clock::now().minus(Duration::from_mins(10)));
        let id = json!(desk.store.create_ticket(&desk.url, &input, then).unwrap().id);
        eventually("the new ticket", async || self.synced(&id).await).await;
        id
    }

    /// What the log tells of a ticket: the kinds, what has changed, and of whom.
    async fn told(&self, id: &Value) -> Vec<(TriggerKind, Vec<TicketField>, String)> {
        let mut log = self.clients.log(&self.to.account_id).await;
        log.retain(|event| Some(event.ticket_id) == id.as_i64());
        let told = |event: TriggerEvent| {
            (event.kind(), event.changed_fields().collect(), event.contact.unwrap().email)
        };
        log.into_iter().map(told).collect()
    }
}

on_both_engines! {
    async fn a_connected_help_desk_stays_in_sync_by_itself(db: Database) {
        let in_sync = InSync::start(&db).await;
        let help = &in_sync.help;
        let id = help.write(letter("Ann", Some("ann@example.com"))).await["id"].clone();
        eventually("the new ticket", async || in_sync.synced(&id).await).await;
        help.change(&id, json!({ "status": "pending" })).await;
        eventually("the change", async || {
            (in_sync.synced(&id).await?.status() == TicketStatus::Pending).then_some(())
        })
        .await;
        help.person(Method::DELETE, &format!("tickets/{id}.json"), Value::Null).await;
        eventually("the deletion", async || in_sync.synced(&id).await.is_none().then_some(()))
            .await;

        help.all_delivered().await;
        let log = in_sync.clients.log(&in_sync.to.account_id).await;
        let kinds: Vec<TriggerKind> = log.iter().map(TriggerEvent::kind).collect();
        assert_eq!(kinds, [TriggerKind::TicketCreated, TriggerKind::TicketUpdated]);
        let contact = log[0].contact.as_ref().unwrap();
        assert_eq!((contact.email.as_str(), contact.name.as_str()), ("ann@example.com", "Ann"));
    }

    async fn both_sides_of_a_merge_are_fetched_and_each_is_one_update(db: Database) {
        let in_sync = InSync::start(&db).await;
        let source = in_sync.written("Ann", "ann@example.com").await;
        let target = in_sync.written("Bob", "bob@example.com").await;
        in_sync.settled().await;
        let before = in_sync.help.desk.requests().len();
        let merge = json!({
            "ids": [source],
            "source_comment": "Goes on elsewhere",
            "target_comment": "It came twice",
        });
        let path = format!("tickets/{target}/merge");
        assert_eq!(in_sync.help.person(Method::POST, &path, merge).await.status(), 200);
        eventually("both sides", async || {
            let [from, into] = [in_sync.synced(&source).await?, in_sync.synced(&target).await?];
            let touched = into.updated_at?.seconds > into.created_at?.seconds;
            (from.status() == TicketStatus::Closed && touched).then_some(())
        })
        .await;
        in_sync.settled().await;

        // Three events tell of the source and one of the target.
        let told = [in_sync.told(&source).await, in_sync.told(&target).await];
        let changed = [vec![TicketField::Status, TicketField::UpdatedAt], vec![TicketField::UpdatedAt]];
        for ((told, changed), email) in
            told.into_iter().zip(changed).zip(["ann@example.com", "bob@example.com"])
        {
            let expected = [
                (TriggerKind::TicketCreated, Vec::new(), email.to_owned()),
                (TriggerKind::TicketUpdated, changed, email.to_owned()),
            ];
            assert_eq!(told, expected);
        }
        let calls = in_sync.help.desk.requests().split_off(before);
        let fetched: Vec<i64> = calls.into_iter().flat_map(|call| call.ids).collect();
        for side in [source, target] {
            assert!(fetched.contains(&side.as_i64().unwrap()), "{side} is not among {fetched:?}");
        }
    }
}
