//! Whether the ticket objects hold what the help desk's own store holds.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    clients::Clients,
    error::{Error, Result},
    value::value,
    zendesk::{Store, Ticket},
};
use crate::{
    domain::SYNC_TAG,
    proto::v1::{
        Contact, ListContactsRequest, ListTicketsRequest, SyncedTicket, TICKET_FIELDS, TicketField,
    },
};

/// What was compared, and each difference as a sentence.
pub struct Comparison {
    pub ticket_count: usize,
    pub contact_count: usize,
    pub differences: Vec<String>,
}

/// A contact and its ticket object.
pub struct Profile {
    pub contact: Contact,
    pub tickets: Vec<SyncedTicket>,
}

/// Reads every contact of the account with its tickets, page by page.
pub async fn profiles(clients: &mut Clients, account_id: &str) -> Result<Vec<Profile>> {
    let mut profiles = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListContactsRequest { account_id: account_id.to_owned(), page_size: 0, page_token };
        let page = clients.contacts.list_contacts(request).await?.into_inner();
        for contact in page.contacts {
            let tickets = tickets(clients, &contact).await?;
            profiles.push(Profile { contact, tickets });
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(profiles);
        }
    }
}

async fn tickets(clients: &mut Clients, contact: &Contact) -> Result<Vec<SyncedTicket>> {
    let mut tickets = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListTicketsRequest {
            account_id: contact.account_id.clone(),
            contact_id: contact.contact_id.clone(),
            page_size: 0,
            page_token,
        };
        let page = clients.contacts.list_tickets(request).await?.into_inner();
        tickets.extend(page.tickets);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(tickets);
        }
    }
}

/// Compares the profiles with the help desk's store: every ticket whose requester has an e-mail
/// address stands in that contact's object with equal fields, and nothing else does.
pub fn compare(store: &Store, connection_id: &str, profiles: &[Profile]) -> Result<Comparison> {
    let mut differences = Vec::new();
    let mut synced: BTreeMap<i64, (&Contact, &SyncedTicket)> = BTreeMap::new();
    for Profile { contact, tickets } in profiles {
        let own = tickets.iter().filter(|ticket| ticket.connection_id == connection_id);
        for ticket in own {
            let id = ticket.ticket.as_ref().map_or(0, |ticket| ticket.id);
            if synced.insert(id, (contact, ticket)).is_some() {
                differences.push(format!("#{id} stands in two ticket objects"));
            }
        }
        if !tickets.is_empty() && !contact.tags.iter().any(|tag| tag == SYNC_TAG) {
            differences.push(format!("{} lacks the tag {SYNC_TAG}", contact.email));
        }
    }
    let mut ticket_count = 0;
    for (ticket, requester) in store.all() {
        let Some(email) = &requester.email else { continue };
        ticket_count += 1;
        let Some((contact, found)) = synced.remove(&ticket.id) else {
            differences.push(format!("#{} stands in no ticket object", ticket.id));
            continue;
        };
        if contact.email.to_lowercase() != email.to_lowercase() {
            let whose = &contact.email;
            differences.push(format!("#{} is {email}'s, and stands in {whose}'s", ticket.id));
        }
        differences.extend(fields(&ticket, found)?);
    }
    for id in synced.keys() {
        differences.push(format!("#{id} is not at the help desk, or has no e-mail address there"));
    }
    Ok(Comparison { ticket_count, contact_count: profiles.len(), differences })
}

/// The fields that differ. The help desk's side is read by key from its own JSON, and so shares no
/// conversion with what came in.
fn fields(ticket: &Ticket, found: &SyncedTicket) -> Result<Vec<String>> {
    let unreadable = |_| Error::Unexpected("a ticket of the help desk is no JSON".into());
    let expected = serde_json::to_value(ticket).map_err(unreadable)?;
    let found = found.ticket.clone().unwrap_or_default();
    let mut differences = Vec::new();
    for row in TICKET_FIELDS {
        let theirs = match &expected[row.key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let field = TicketField::try_from(row.number).unwrap_or_default();
        let ours = value(&found, field);
        if ours != theirs {
            let id = ticket.id;
            let key = row.key;
            differences.push(format!("#{id} {key}: {theirs:?} at the help desk, {ours:?} here"));
        }
    }
    Ok(differences)
}
