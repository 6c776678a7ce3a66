//! The main job as a story: who is in it, how it ends, and what a person can do then.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    apps_page,
    clients::Clients,
    commands::Commands,
    compare::{Comparison, compare, profiles},
    error::Result,
    follower::Follower,
    people::{Customer, People},
    producer::Producer,
    service::Addresses,
    show::Show,
    until::until,
    value::word,
    zendesk::{Desk, Ticket},
};
use crate::proto::v1::{
    Connection, EventSource, GetContactRequest, GetTicketObjectRequest, Language,
    RefetchTicketsRequest, get_contact_request::Contact as ContactName,
};

/// How many tickets are refetched by one call: as many as it takes.
const REFETCHED_AT_ONCE: usize = 100;

pub const SANNE: Customer = Customer { name: "Sanne de Vries", email: Some("sanne@example.com") };

/// Everybody in the story.
pub struct Story {
    pub clients: Clients,
    pub connection: Connection,
    pub desk: Desk,
    pub people: People,
    pub producer: Producer,
    pub follower: Follower,
    pub show: Show,
    pub language: Language,
}

impl Story {
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

    /// Compares the ticket objects with the help desk's own store.
    pub async fn compare(&mut self) -> Result<Comparison> {
        self.show.chapter(
            "Is it all there?",
            "Every ticket of the help desk's own store against the ticket objects, field by field.",
        )?;
        let Connection { account_id, connection_id, .. } = &self.connection;
        let connection = self.clients.connection(account_id, connection_id).await?;
        self.show.step("call", "GetConnection", &standing(&connection))?;
        let profiles = profiles(&mut self.clients, account_id).await?;
        let comparison = compare(&self.desk.store, connection_id, &profiles)?;
        self.show.comparison(&comparison)?;
        Ok(comparison)
    }

    /// Says what a person can do now.
    pub async fn offer(&mut self, service: Addresses, apps_url: &str) -> Result<()> {
        let request = GetContactRequest {
            account_id: self.connection.account_id.clone(),
            contact: SANNE.email.map(|email| ContactName::Email(email.into())),
        };
        let contact = self.clients.contacts.get_contact(request).await?.into_inner();
        let newest = self.desk.store.all().pop();
        let commands = Commands {
            service,
            desk_url: &self.desk.url,
            apps_url,
            connection: &self.connection,
            contact: &contact,
            ticket_id: newest.map_or(0, |(ticket, _)| ticket.id),
            language: self.language,
        };
        Ok(commands.print(&mut self.show.screen)?)
    }

    /// Goes on showing what happens, until it is dropped.
    pub async fn go_on(&mut self) -> Result<()> {
        self.follower.go_on(&mut self.show).await
    }

    /// A customer writes.
    pub async fn write(&mut self, customer: Customer, subject: &str) -> Result<Ticket> {
        let body = format!("{subject}\n\nGroet,\n{}", customer.name);
        let ticket = self.people.write(customer, subject, &body).await?;
        let said = format!("{}: “{subject}”", customer.name);
        self.show.person("customer", ticket.id, &said)?;
        Ok(ticket)
    }

    /// Has tickets fetched, whether or not anything is known to have changed, and shows what became of
    /// the hints for that.
    pub async fn refetch(&mut self, ids: &BTreeSet<i64>) -> Result<()> {
        let ids: Vec<i64> = ids.iter().copied().collect();
        let mut became: BTreeMap<&str, usize> = BTreeMap::new();
        for ids in ids.chunks(REFETCHED_AT_ONCE) {
            let request = RefetchTicketsRequest {
                account_id: self.connection.account_id.clone(),
                connection_id: self.connection.connection_id.clone(),
                ticket_ids: ids.to_vec(),
            };
            let hints = self.clients.ingest.refetch_tickets(request).await?.into_inner().event_ids;
            for hint in hints {
                let one = until("a ticket that was asked for", async || {
                    self.follower.became(&hint, EventSource::Service).await
                });
                *became.entry(one.await?.as_str()).or_default() += 1;
            }
        }
        let (whose, became) = match ids.as_slice() {
            [id] => (format!("#{id}"), became.into_keys().collect()),
            ids => {
                let counted = became.into_iter().map(|(became, count)| format!("{count} {became}"));
                (format!("of {} tickets", ids.len()), counted.collect::<Vec<_>>().join(", "))
            }
        };
        let asked = format!("RefetchTickets {whose}, then GetEvent");
        self.show.step("call", &asked, &became)?;
        self.follower.show_triggers(&mut self.show).await
    }
}

/// How a connection stands, and how far its sync is.
fn standing(connection: &Connection) -> String {
    let (state, webhook) = (apps_page::state(connection), apps_page::webhook_state(connection));
    let sync = connection.sync_status.clone().unwrap_or_default();
    let problem = word(sync.problem().as_str_name(), "SYNC_PROBLEM_");
    let problem = if problem.is_empty() { "no problem" } else { &problem };
    let waiting = sync.waiting_hint_count;
    format!("{state}, webhook {webhook}, {waiting} hints wait, {problem}")
}
