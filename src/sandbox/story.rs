//! The main job as a story in chapters: what people do at the help desk, and what comes of it.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    carrier::Carrier,
    clients::Clients,
    commands::Commands,
    compare::{Comparison, compare, profiles},
    error::{Error, Result},
    people::{Customer, People},
    show::{Show, outcome},
    tail::Tail,
    zendesk::{Store, Ticket},
};
use crate::proto::v1::{
    Connection, EventSource, GetContactRequest, GetEventRequest, GetTicketObjectRequest, Language,
    TicketEvent, get_contact_request::Contact as ContactName,
};

/// How often the carrier looks for changes once the story is told: soon enough to seem at once.
const CARRY_EVERY: Duration = Duration::from_secs(1);

pub const SANNE: Customer = Customer { name: "Sanne de Vries", email: Some("sanne@example.com") };
const BRAM: Customer = Customer { name: "Bram Jansen", email: Some("bram@example.com") };
/// Who calls is known by a number only.
const CALLER: Customer = Customer { name: "Caller +31 6 1234 5678", email: None };
const CALLER_EMAIL: &str = "yara@example.com";

/// Everybody in the story.
pub struct Story {
    pub clients: Clients,
    pub connection: Connection,
    pub people: People,
    pub carrier: Carrier,
    pub tail: Tail,
    pub show: Show,
    pub language: Language,
}

impl Story {
    /// Tells all chapters.
    pub async fn tell(&mut self) -> Result<()> {
        self.before().await?;
        let (order, invoice) = self.two_tickets().await?;
        self.an_update(&order).await?;
        self.another_requester(&invoice).await?;
        self.a_caller().await?;
        self.a_deletion().await?;
        self.out_of_order_and_twice(&order).await
    }

    /// Sends what changed at the help desk since the last time, and shows it.
    async fn carry(&mut self) -> Result<()> {
        let events = self.carrier.collect().await?;
        self.deliver(events).await
    }

    /// Shows each contact's profile.
    pub async fn profiles(&mut self) -> Result<()> {
        self.show.chapter(
            "What the profile pages show",
            "Each synced contact has the tag and a read-only ticket object, the newest ticket first.",
        )?;
        for profile in profiles(&mut self.clients, &self.connection.account_id).await? {
            let request = GetTicketObjectRequest {
                account_id: profile.contact.account_id.clone(),
                contact_id: profile.contact.contact_id.clone(),
                language: self.language.into(),
                ..Default::default()
            };
            let object = self.clients.contacts.get_ticket_object(request).await?.into_inner();
            self.show.profile(&profile.contact, &object)?;
        }
        Ok(())
    }

    /// Compares the profiles with the help desk's own store.
    pub async fn compare(&mut self, store: &Store) -> Result<Comparison> {
        self.show.chapter(
            "Is it all there?",
            "Every ticket of the help desk's own store against the ticket objects, field by field.",
        )?;
        let profiles = profiles(&mut self.clients, &self.connection.account_id).await?;
        let comparison = compare(store, &self.connection.connection_id, &profiles)?;
        self.show.comparison(&comparison)?;
        Ok(comparison)
    }

    /// Says what a person can do now.
    pub async fn offer(&mut self, grpc: SocketAddr, desk_url: &str, apps_url: &str) -> Result<()> {
        let request = GetContactRequest {
            account_id: self.connection.account_id.clone(),
            contact: SANNE.email.map(|email| ContactName::Email(email.into())),
        };
        let contact = self.clients.contacts.get_contact(request).await?.into_inner();
        let language = self.language;
        let commands = Commands { grpc, desk_url, apps_url, contact: &contact, language };
        Ok(commands.print(&mut self.show.screen)?)
    }

    /// Goes on carrying and showing what happens, until it is dropped.
    pub async fn go_on(&mut self) -> Result<()> {
        let mut collection = interval(CARRY_EVERY);
        collection.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = collection.tick() => self.carry().await?,
                events = self.tail.next() => {
                    for event in events? {
                        self.show.trigger(&event)?;
                    }
                }
            }
        }
    }

    async fn before(&mut self) -> Result<()> {
        self.show.chapter(
            "What was there before",
            "The first sight of an old ticket adopts it: synced, but no automation starts.",
        )?;
        self.carry().await
    }

    async fn two_tickets(&mut self) -> Result<(Ticket, Ticket)> {
        self.show.chapter(
            "Sanne writes twice",
            "The requester becomes a contact; each new ticket is logged once as created.",
        )?;
        let order = self.write(SANNE, "Waar blijft mijn bestelling?").await?;
        let invoice = self.write(SANNE, "Factuur 2231 klopt niet").await?;
        self.carry().await?;
        Ok((order, invoice))
    }

    async fn an_update(&mut self, order: &Ticket) -> Result<()> {
        self.show.chapter(
            "An agent answers",
            "A changed ticket is logged with the fields that changed and what they were.",
        )?;
        let fields = json!({ "status": "pending", "priority": "high", "type": "question" });
        self.people.change(order.id, &fields).await?;
        self.show.person("agent", order.id, "asks for the order number")?;
        self.carry().await
    }

    async fn another_requester(&mut self, invoice: &Ticket) -> Result<()> {
        self.show.chapter(
            "The invoice is Bram's",
            "With another requester the ticket leaves one contact's object for the other's.",
        )?;
        let own = self.write(BRAM, "Wachtwoord vergeten").await?;
        self.people.change(invoice.id, &json!({ "requester_id": own.requester_id })).await?;
        self.show.person("agent", invoice.id, "makes Bram Jansen the requester")?;
        self.carry().await
    }

    async fn a_caller(&mut self) -> Result<()> {
        self.show.chapter(
            "Somebody calls, and has no e-mail address",
            "The event waits; the first one that shows an address releases it.",
        )?;
        let call = self.write(CALLER, "Belt terug over levering").await?;
        let waiting = self.carrier.collect().await?;
        self.deliver(waiting.clone()).await?;

        self.people.note_email(call.requester_id, CALLER_EMAIL).await?;
        self.people.change(call.id, &json!({ "status": "open" })).await?;
        self.show.person("agent", call.id, &format!("calls back, notes {CALLER_EMAIL}"))?;
        self.carry().await?;
        for event in &waiting {
            self.what_became_of(event).await?;
        }
        Ok(())
    }

    async fn a_deletion(&mut self) -> Result<()> {
        self.show
            .chapter("Spam", "A deleted ticket leaves the ticket object; nothing is logged.")?;
        let spam = self.write(BRAM, "U heeft gewonnen!!!").await?;
        self.carry().await?;
        self.people.delete(spam.id).await?;
        self.show.person("agent", spam.id, "deletes it")?;
        self.carry().await
    }

    async fn out_of_order_and_twice(&mut self, order: &Ticket) -> Result<()> {
        self.show.chapter(
            "The post is late, and comes twice",
            "The newest version wins in whatever order events arrive; an event counts once.",
        )?;
        self.people.change(order.id, &json!({ "status": "open" })).await?;
        self.show.person("customer", order.id, "Sanne de Vries answers; this event is held up")?;
        let held_up = self.carrier.collect().await?;
        self.people.change(order.id, &json!({ "status": "solved" })).await?;
        self.show.person("agent", order.id, "solves it")?;
        let newer = self.carrier.collect().await?;
        self.deliver(newer.clone()).await?;
        self.deliver(held_up).await?;
        self.deliver(newer).await
    }

    async fn write(&mut self, customer: Customer, subject: &str) -> Result<Ticket> {
        let body = format!("{subject}\n\nGroet,\n{}", customer.name);
        let ticket = self.people.write(customer, subject, &body).await?;
        let said = format!("{}: “{subject}”", customer.name);
        self.show.person("customer", ticket.id, &said)?;
        Ok(ticket)
    }

    async fn deliver(&mut self, events: Vec<TicketEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        for delivery in self.carrier.deliver(events).await? {
            self.show.delivery(&delivery)?;
        }
        for event in self.tail.catch_up().await? {
            self.show.trigger(&event)?;
        }
        Ok(())
    }

    async fn what_became_of(&mut self, event: &TicketEvent) -> Result<()> {
        let request = GetEventRequest {
            account_id: self.connection.account_id.clone(),
            connection_id: self.connection.connection_id.clone(),
            event_id: event.event_id.clone(),
            event_source: EventSource::Producer.into(),
        };
        let answer = self.clients.ingest.get_event(request).await?.into_inner();
        let result =
            answer.result.ok_or_else(|| Error::Unexpected("GetEvent answered no result".into()))?;
        let asked = "GetEvent of the one that waited";
        self.show.step("call", asked, outcome(result.outcome()))?;
        Ok(())
    }
}
