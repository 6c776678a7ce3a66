//! Telling a story to a store, and reading how it ends there.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest as _, Sha256};
use ticketsync::{
    clock,
    domain::{
        AccountId, ConnectionKey, Email, EventBody, Observation, Requester, Snapshot, SnapshotKind,
        Status, Ticket, TicketEvent, TicketField, Timestamp, TriggerKind, Version,
    },
    service::{Contacts, Writes},
    store::{BatchKeys, Lane, ReadBounds, ReadFrom, Store, TriggerFilter},
};

use super::{
    model::{Ending, Logged},
    story::{Told, What},
};
use crate::support::Session;

/// More of anything than a story has.
const ALL: i64 = 1_000;

/// Commits one batch through a lane, as the batcher does.
pub async fn commit(lane: &mut Lane, connection: &ConnectionKey, batch: &[Told]) {
    let events: Vec<TicketEvent> = batch.iter().map(|told| event(connection, told)).collect();
    let mut tx = lane.begin().await.unwrap();
    let mut set = tx.load_batch(BatchKeys::of(&events)).await.unwrap();
    let now = clock::now();
    for event in events {
        set.apply(event, now, &mut rand::random).unwrap();
    }
    tx.save_batch(&mut set, now).await.unwrap();
    tx.commit().await.unwrap();
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

fn event(connection: &ConnectionKey, told: &Told) -> TicketEvent {
    let id = told.ticket.try_into().unwrap();
    let requester = Requester {
        id: told.requester.try_into().unwrap(),
        email: told.email.map(|email| Email::try_from(email.to_owned()).unwrap()),
        name: String::new(),
    };
    let snapshot = |kind| {
        EventBody::Snapshot(Box::new(Snapshot {
            kind,
            ticket: Arc::new(ticket(told)),
            requester: requester.clone(),
            created_as: None,
        }))
    };
    TicketEvent {
        connection: connection.clone(),
        ticket_id: id,
        version: Version {
            updated_at: seconds(told.updated),
            observed: Observation {
                at: seconds(told.observed),
                event_id: told.id.clone().try_into().unwrap(),
            },
        },
        body: match told.what {
            What::Created => snapshot(SnapshotKind::Created),
            What::Updated => snapshot(SnapshotKind::Updated),
            What::Undeleted => snapshot(SnapshotKind::Undeleted),
            What::Deleted => EventBody::Deleted { requester: Some(requester) },
            What::Erased => EventBody::PermanentlyDeleted,
        },
        content_hash: Sha256::digest(&told.id).into(),
    }
}

fn ticket(told: &Told) -> Ticket {
    Ticket {
        status: Status::Open,
        id: told.ticket.try_into().unwrap(),
        priority: None,
        ticket_type: None,
        updated_at: seconds(told.updated),
        assignee_id: None,
        brand_id: None,
        created_at: seconds(told.ticket),
        description: String::new(),
        due_at: None,
        external_id: None,
        forum_topic_id: None,
        group_id: None,
        organization_id: None,
        problem_id: None,
        raw_subject: String::new(),
        recipient: None,
        requester_id: told.requester.try_into().unwrap(),
        subject: told.subject.to_owned(),
        submitter_id: None,
        ticket_form_id: None,
        url: String::new(),
    }
}

/// Erases the contact with this address, if there is one.
pub async fn erase(store: &Store, account: &AccountId, email: &str) {
    let contacts = store.contacts(account, None, ALL).await.unwrap();
    let contact = contacts.iter().find(|contact| contact.email.key().as_str() == email);
    if let Some(contact) = contact {
        let erasing = Contacts::new(store.clone(), Writes::default());
        erasing.erase(account.clone(), contact.id).await.unwrap();
    }
}

/// How the story ended in the store.
pub async fn ending(store: &Store, session: &mut Session, account: &AccountId) -> Ending {
    let contacts = store.contacts(account, None, ALL).await.unwrap();
    let mut objects = BTreeMap::new();
    for contact in &contacts {
        let tickets = store.tickets(account, contact.id, None, ALL).await.unwrap();
        if !tickets.is_empty() {
            let rows = tickets.iter().map(|row| (row.ticket.id.get(), subject(&row.ticket)));
            objects.insert(contact.email.key().as_str().to_owned(), rows.collect());
        }
    }
    let of = |rows: &str| format!("{rows} = 'erased' and account_id = '{}'", account.as_str());
    let parked = store.parked_events(account, None, None, ALL).await.unwrap();
    Ending {
        objects,
        tagged: contacts
            .iter()
            .filter(|contact| contact.synced)
            .map(|contact| contact.email.key().as_str().to_owned())
            .collect(),
        parked: parked.into_iter().map(|event| event.id.as_str().to_owned()).collect(),
        tombstones: session
            .integers(&of("select ticket_id from tickets where state"))
            .await
            .into_iter()
            .collect(),
        erased: session
            .texts(&of("select event_id from events where outcome"))
            .await
            .into_iter()
            .collect(),
        log: log(store, account).await,
    }
}

async fn log(store: &Store, account: &AccountId) -> Vec<Logged> {
    let bounds = ReadBounds { positions: ALL, events: ALL };
    let filter = TriggerFilter::default();
    let slice = store.read_log(account, ReadFrom::EARLIEST, bounds, &filter).await.unwrap();
    let positions: Vec<i64> = slice.events.iter().map(|row| row.event.position.get()).collect();
    assert!(positions.iter().copied().eq((1..).take(positions.len())), "a log has no holes");
    slice
        .events
        .into_iter()
        .map(|row| Logged {
            created: row.event.kind == TriggerKind::TicketCreated,
            ticket: row.event.ticket_id.get(),
            event: row.event.observed.event_id.as_str().to_owned(),
            content: row.event.content.map(|content| {
                let contact = row.contact.unwrap().email.key().as_str().to_owned();
                let fields = content.changes.iter().map(|change| change.field);
                (contact, subject(&content.ticket), fields.map(TicketField::key).collect())
            }),
        })
        .collect()
}

/// The subject as the story has it.
fn subject(ticket: &Ticket) -> &'static str {
    ["a", "b", "c"].into_iter().find(|subject| *subject == ticket.subject).unwrap()
}
