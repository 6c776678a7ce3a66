//! How a soak has to end: in sync, and with nothing told twice, missed, or fetched by two at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use ticketsync::{
    domain::Timestamp,
    proto::v1::{
        Connection, ConnectionState, GetTicketObjectRequest, ListParkedEventsRequest, SyncProblem,
        TicketEventKind, TicketObject, WebhookState,
    },
    sandbox::{
        clients::Clients as Readers,
        compare::{Profile, compare, profiles},
    },
};

use super::{
    checks::{fetched_by_two_at_once, tokens_were_lost_by_a_kill, unsound, wrongly_announced},
    report::Report,
    run::{AFTER_A_KILL, HINTS, NOW_AND_THEN, tell},
    site::{DESKS, LAG, Linked, Site},
};
use crate::support::{Clients, Connected, eventually, within};

/// How many breaches are shown.
const SHOWN: usize = 20;
/// How many ticket objects of each account are read as a profile shows them.
const OBJECTS: usize = 20;

/// Waits until every connection is well, nothing waits, and its export was read to its end since the
/// last change could be seen there. Whoever lost tokens by a kill is authorised again.
pub async fn until_in_sync(
    site: &Site,
    clients: &Clients,
    linked: &[Linked],
    closed_at: Timestamp,
) {
    for desk in &site.desks {
        eventually("the last delivery", async || (desk.waiting_deliveries() == 0).then_some(()))
            .await;
    }
    for linked in linked {
        within(AFTER_A_KILL, NOW_AND_THEN, "a connection in sync", async || {
            let connection = linked.connection(clients).await;
            if connection.state() == ConnectionState::NeedsReauthorization {
                assert!(tokens_were_lost_by_a_kill(&linked.desk.requests(), &site.kills));
                tell("another connection lost its tokens by a kill");
                site.authorize(clients, &linked.to.account_id, &linked.desk).await;
            }
            is_in_sync(&connection, closed_at.plus(LAG)).then_some(())
        })
        .await;
    }
    tell("all is in sync");
}

fn is_in_sync(connection: &Connection, since: Timestamp) -> bool {
    let status = connection.sync_status.as_ref().unwrap();
    let exported_at = status.export_time.map_or(0, |time| time.seconds);
    connection.state() == ConnectionState::Active
        && connection.webhook_state() == WebhookState::Registered
        && status.problem() == SyncProblem::Unspecified
        && status.waiting_hint_count == 0
        && exported_at > since.as_micros() / 1_000_000
}

/// Everything that has to be true now.
pub async fn assert_sound(site: &Site, linked: &[Linked], replica: usize) {
    let clients = site.clients(replica).await;
    let accounts: BTreeSet<&str> = linked.iter().map(|it| it.to.account_id.as_str()).collect();
    let found = accounts.into_iter().map(|account| {
        let theirs: Vec<&Linked> =
            linked.iter().filter(|linked| linked.to.account_id == account).collect();
        breaches_of(site, &clients, replica, theirs)
    });
    let mut breaches: Vec<String> = join_all(found).await.concat();
    for desk in &site.desks {
        breaches.extend(fetched_by_two_at_once(&desk.requests()));
    }
    for log in site.logs() {
        let errors = log.lines().filter(|line| line.contains(r#""level":"ERROR""#));
        breaches.extend(errors.map(|line| format!("a replica logged {line}")));
    }
    let report = report(site);
    breaches.dedup();
    let count = breaches.len();
    breaches.truncate(SHOWN);
    assert_eq!(count, 0, "the first of {count} breaches:\n{}", breaches.join("\n"));
    assert_enough(&report);
}

/// What is wrong with the tickets and the log of one account.
async fn breaches_of(
    site: &Site,
    clients: &Clients,
    replica: usize,
    linked: Vec<&Linked>,
) -> Vec<String> {
    let account = &linked[0].to.account_id;
    let mut readers = Readers::connect(site.grpc(replica)).await.unwrap();
    let profiles = profiles(&mut readers, account).await.unwrap();
    let log = clients.log(account).await;
    let mut breaches = unsound(&log);
    breaches.extend(objects_that_differ(clients, &profiles).await);
    for Linked { desk, to, newest_old_ticket } in linked {
        let comparison = compare(&desk.store, &to.connection_id, &profiles).unwrap();
        assert!(comparison.ticket_count > 0);
        breaches.extend(comparison.differences);
        let reachable = desk.store.all().into_iter().filter(|(_, user)| user.email.is_some());
        let new = reachable.map(|(ticket, _)| ticket.id).filter(|id| id > newest_old_ticket);
        let (new, old) = (new.collect(), (1..=*newest_old_ticket).collect());
        let waiting = waiting_creations(clients, to).await;
        breaches.extend(wrongly_announced(&log, &to.connection_id, &new, &waiting, &old));
        desk.store.tamper().unwrap();
        let tampered = compare(&desk.store, &to.connection_id, &profiles).unwrap().differences;
        assert!(!tampered.is_empty(), "the comparison notices a subject that differs");
    }
    tell(&format!("{account}: {} contacts, {} triggers", profiles.len(), log.len()));
    breaches
}

/// The tickets whose creation waits for the address of who created them.
async fn waiting_creations(clients: &Clients, to: &Connected) -> BTreeSet<i64> {
    let Connected { account_id, connection_id } = to.clone();
    let page_token = String::new();
    let request =
        ListParkedEventsRequest { account_id, connection_id, page_size: 1_000, page_token };
    let page = clients.ingest.clone().list_parked_events(request).await.unwrap().into_inner();
    assert!(page.next_page_token.is_empty(), "few callers are left without an address");
    let events = page.parked_events.into_iter();
    let created = events.filter(|event| event.kind() == TicketEventKind::Created);
    created.map(|event| event.ticket_id).collect()
}

/// Ticket objects whose rows are not the contact's tickets.
async fn objects_that_differ(clients: &Clients, profiles: &[Profile]) -> Vec<String> {
    let mut differences = Vec::new();
    for Profile { contact, tickets } in profiles.iter().take(OBJECTS) {
        let request = GetTicketObjectRequest {
            account_id: contact.account_id.clone(),
            contact_id: contact.contact_id.clone(),
            page_size: 1_000,
            ..GetTicketObjectRequest::default()
        };
        let object = clients.contacts.clone().get_ticket_object(request).await.unwrap();
        let TicketObject { rows, .. } = object.into_inner();
        let shown = rows.into_iter().map(|row| {
            (
                row.connection_id,
                row.ticket_id,
                row.status,
                row.priority,
                row.r#type,
                row.update_time,
            )
        });
        let expected = tickets.iter().map(|synced| {
            let ticket = synced.ticket.clone().unwrap();
            let connection_id = synced.connection_id.clone();
            (
                connection_id,
                ticket.id,
                ticket.status,
                ticket.priority,
                ticket.r#type,
                ticket.updated_at,
            )
        });
        if !shown.eq(expected) {
            differences.push(format!("the ticket object of {} differs", contact.email));
        }
    }
    differences
}

/// What the soak was, told to whoever runs it.
fn report(site: &Site) -> Report {
    let mut report = Report::default();
    for desk in &site.desks {
        report += Report::of(desk, |called| site.who_calls(called));
    }
    tell(&report.to_string());
    report
}

/// That the soak was one: what should have gone wrong did, and both replicas had their part.
fn assert_enough(report: &Report) {
    let hints = usize::try_from(HINTS).unwrap();
    assert!(report.hints >= hints);
    assert_eq!(report.refused, 0, "what is not stored is answered 503, and nothing else");
    let about_5_percent = report.hints * 3 / 100..report.hints * 7 / 100;
    assert!(about_5_percent.contains(&report.dropped));
    assert!(about_5_percent.contains(&report.doubled));
    assert!(report.limited > 0);
    assert!(report.rotations > DESKS, "tokens are refreshed more than once");
    assert!(report.fetches * 2 < report.hints, "many hints are settled by one call");
    let few = report.fetched / 50;
    assert!(report.by_replica.iter().all(|fetches| *fetches > few), "both replicas fetch");
}
