//! The story's chapters: what people do at the help desk, and what comes of it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    compare::profiles,
    error::Result,
    people::Customer,
    story::{SANNE, Story},
    zendesk::{DeliveryRecord, Ticket},
};
use crate::proto::v1::EventSource;

const BRAM: Customer = Customer { name: "Bram Jansen", email: Some("bram@example.com") };
/// Who calls is known by a number only; this one is kept for stories.
const CALLER: Customer = Customer { name: "Caller +44 20 7946 0018", email: None };
const CALLER_EMAIL: &str = "yara@example.com";
/// How late an event is that the help desk holds back: later than the next one is fetched.
const HELD_BACK_MS: u32 = 1_500;

impl Story {
    /// Tells all chapters.
    pub async fn tell(&mut self) -> Result<()> {
        self.before().await?;
        let (order, invoice) = self.two_tickets().await?;
        self.an_update(&order).await?;
        self.another_requester(&invoice).await?;
        self.a_caller().await?;
        self.a_deletion().await?;
        self.out_of_order_and_twice(&order).await?;
        self.never_delivered(&invoice).await?;
        self.a_producer(&order).await
    }

    async fn before(&mut self) -> Result<()> {
        self.show.chapter(
            "What was there before",
            "An old ticket is fetched when something happens to it, or when somebody asks. The first \
             sight of it adopts it: synced, but no automation starts.",
        )?;
        let mut known: BTreeSet<i64> =
            self.desk.store.all().iter().map(|(ticket, _)| ticket.id).collect();
        for profile in profiles(&mut self.clients, &self.connection.account_id).await? {
            let own = profile.tickets.into_iter();
            let own = own.filter(|it| it.connection_id == self.connection.connection_id);
            known.extend(own.filter_map(|synced| Some(synced.ticket?.id)));
        }
        self.refetch(&known).await
    }

    async fn two_tickets(&mut self) -> Result<(Ticket, Ticket)> {
        self.show.chapter(
            "Sanne writes twice",
            "Zendesk tells of each by a signed webhook. The service stores that hint, answers, and \
             fetches the ticket: the requester becomes a contact, and the log gets one event.",
        )?;
        let order = self.write(SANNE, "Waar blijft mijn bestelling?").await?;
        let invoice = self.write(SANNE, "Factuur 2231 klopt niet").await?;
        self.follow().await?;
        Ok((order, invoice))
    }

    async fn an_update(&mut self, order: &Ticket) -> Result<()> {
        self.show.chapter(
            "An agent answers",
            "Zendesk tells of each field that changed; they are one change. One of the hints makes it, \
             the others find it made: it is logged once, with what the fields were before.",
        )?;
        let fields = json!({ "status": "pending", "priority": "high", "type": "question" });
        self.people.change(order.id, &fields).await?;
        self.show.person("agent", order.id, "asks for the order number")?;
        self.follow().await.map(drop)
    }

    async fn another_requester(&mut self, invoice: &Ticket) -> Result<()> {
        self.show.chapter(
            "The invoice is Bram's",
            "With another requester the ticket leaves one contact's object for the other's.",
        )?;
        let own = self.write(BRAM, "Wachtwoord vergeten").await?;
        self.people.change(invoice.id, &json!({ "requester_id": own.requester_id })).await?;
        self.show.person("agent", invoice.id, "makes Bram Jansen the requester")?;
        self.follow().await.map(drop)
    }

    async fn a_caller(&mut self) -> Result<()> {
        self.show.chapter(
            "Somebody calls, and has no e-mail address",
            "The event waits; the first fetch that shows an address releases it.",
        )?;
        let call = self.write(CALLER, "Belt terug over levering").await?;
        let waiting = self.follow().await?;

        self.people.note_email(call.requester_id, CALLER_EMAIL).await?;
        self.people.change(call.id, &json!({ "status": "open" })).await?;
        self.show.person("agent", call.id, &format!("calls back, notes {CALLER_EMAIL}"))?;
        self.follow().await?;
        for delivery in &waiting {
            if let Some(became) =
                self.follower.became(&delivery.event_id, EventSource::Zendesk).await?
            {
                let asked = "GetEvent of the one that waited";
                self.show.step("call", asked, became.as_str())?;
            }
        }
        Ok(())
    }

    async fn a_deletion(&mut self) -> Result<()> {
        self.show
            .chapter("Spam", "A deleted ticket leaves the ticket object; nothing is logged.")?;
        let spam = self.write(BRAM, "U heeft gewonnen!!!").await?;
        self.follow().await?;
        self.people.delete(spam.id).await?;
        self.show.person("agent", spam.id, "deletes it")?;
        self.follow().await.map(drop)
    }

    async fn out_of_order_and_twice(&mut self, order: &Ticket) -> Result<()> {
        self.show.chapter(
            "The post is late, and comes twice",
            "A fetch shows all that has changed, also what no event has told yet. An event that comes \
             late finds nothing new, and one that comes again is no second hint.",
        )?;
        self.show.aside("zendesk", "delivers each event twice, and holds the next one back")?;
        self.people.turn(&json!({ "double": 1, "delay": 1, "delay_ms": HELD_BACK_MS })).await?;
        self.people.change(order.id, &json!({ "priority": "low" })).await?;
        self.show.person("agent", order.id, "is no longer in a hurry")?;
        self.people.turn(&json!({ "delay": 0 })).await?;
        self.people.change(order.id, &json!({ "status": "solved" })).await?;
        self.show.person("agent", order.id, "solves it")?;
        self.people.reset().await?;
        self.follow().await.map(drop)
    }

    async fn never_delivered(&mut self, invoice: &Ticket) -> Result<()> {
        self.show.chapter(
            "The post never comes",
            "From time to time the service reads Zendesk's export and finds what it has missed. Whoever \
             cannot wait has the ticket fetched now.",
        )?;
        self.show.aside("zendesk", "loses the next event")?;
        self.people.turn(&json!({ "drop": 1 })).await?;
        self.people.change(invoice.id, &json!({ "priority": "urgent" })).await?;
        self.show.person("agent", invoice.id, "wants it paid today")?;
        self.people.reset().await?;
        self.follow().await?;
        self.refetch(&BTreeSet::from([invoice.id])).await
    }

    async fn a_producer(&mut self, order: &Ticket) -> Result<()> {
        self.show.chapter(
            "A producer of the platform",
            "It sends whole tickets over gRPC, here of changes that Zendesk sends no event of. The \
             newest version wins in whatever order they come; an event counts once.",
        )?;
        let mut events = Vec::new();
        for recipient in ["bestellingen@acme.example", "klachten@acme.example"] {
            let ticket = self.people.change(order.id, &json!({ "recipient": recipient })).await?;
            self.show.person("agent", order.id, &format!("moves it to {recipient}"))?;
            events.push(self.producer.saw(&ticket, SANNE));
        }
        // The newer first, then the older, then the newer again.
        events.reverse();
        events.extend(events.first().cloned());
        for sent in self.producer.send(events).await? {
            self.show.sent(&sent)?;
        }
        self.follower.show_triggers(&mut self.show).await
    }

    /// Shows what comes of what was done, to its end; gives the events that were delivered.
    async fn follow(&mut self) -> Result<Vec<DeliveryRecord>> {
        self.follower.settle(&mut self.show).await
    }
}
