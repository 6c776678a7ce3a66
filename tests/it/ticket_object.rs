//! The ticket object: five columns, the newest-created ticket first, and each ticket whole.

use ticketsync::proto::v1::{
    GetTicketObjectRequest, GetTicketRequest, Language, ListTicketsRequest, SyncedTicket, Ticket,
    TicketObject, TicketPriority, TicketStatus, TicketType,
};
use tonic::{Code, Status};

use crate::support::{
    Connected, Services, created, deleted, field, on_both_engines, reason, time, undeleted, updated,
};

const EMAIL: &str = "ann@example.com";

pub async fn object(
    services: &Services,
    contact_id: &str,
    change: impl FnOnce(&mut GetTicketObjectRequest),
) -> Result<TicketObject, Status> {
    let mut request = GetTicketObjectRequest {
        account_id: "acme".into(),
        contact_id: contact_id.into(),
        ..GetTicketObjectRequest::default()
    };
    change(&mut request);
    Ok(services.contacts.clone().get_ticket_object(request).await?.into_inner())
}

/// The ids of a contact's tickets, in the object's order.
pub async fn ids(services: &Services, contact_id: &str) -> Vec<i64> {
    let object = object(services, contact_id, |_| {}).await.unwrap();
    object.rows.iter().map(|row| row.ticket_id).collect()
}

async fn list(
    services: &Services,
    contact_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<SyncedTicket>, String), Status> {
    let request = ListTicketsRequest {
        account_id: "acme".into(),
        contact_id: contact_id.into(),
        page_size,
        page_token: page_token.into(),
    };
    let page = services.contacts.clone().list_tickets(request).await?.into_inner();
    Ok((page.tickets, page.next_page_token))
}

pub async fn ticket(
    services: &Services,
    connected: &Connected,
    ticket_id: i64,
) -> Result<SyncedTicket, Status> {
    let request = GetTicketRequest {
        account_id: connected.account_id.clone(),
        connection_id: connected.connection_id.clone(),
        ticket_id,
    };
    Ok(services.contacts.clone().get_ticket(request).await?.into_inner())
}

/// Makes tickets of one contact, created at these seconds; answers the contact.
async fn with_tickets(services: &Services, to: &Connected, tickets: &[(i64, i64)]) -> String {
    let mut contact = String::new();
    for (id, second) in tickets {
        let event = created(&format!("e{id}"), *id)
            .email(EMAIL)
            .with(|ticket| ticket.created_at = Some(time(*second)));
        contact = services.apply(to, event).await.contact_id;
    }
    contact
}

on_both_engines! {
    async fn the_object_has_five_columns_with_labels_in_both_languages(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let event = created("e1", 1).with(|ticket| {
            ticket.r#type = TicketType::Task.into();
            ticket.status = TicketStatus::Hold.into();
        });
        let contact = services.apply(&connected, event).await.contact_id;
        let nl = object(&services, &contact, |_| {}).await.unwrap();
        let labels = |object: &TicketObject| {
            object.columns.iter().map(|column| column.label.clone()).collect::<Vec<_>>()
        };
        assert_eq!(labels(&nl), ["Status", "Ticket-id", "Prioriteit", "Type", "Bijgewerkt om"]);
        let keys: Vec<_> = nl.columns.iter().map(|column| column.key.as_str()).collect();
        assert_eq!(keys, ["status", "id", "priority", "type", "updated_at"]);
        let en = object(&services, &contact, |request| request.language = Language::En.into());
        let en = en.await.unwrap();
        assert_eq!(labels(&en), ["Status", "Ticket ID", "Priority", "Type", "Last updated"]);
        let row = &nl.rows[0];
        assert_eq!((row.status(), row.ticket_id), (TicketStatus::Hold, 1));
        assert_eq!((row.priority(), row.r#type()), (TicketPriority::Normal, TicketType::Task));
        assert_eq!(row.update_time, Some(time(0)));
        assert_eq!(row.connection_id, connected.connection_id);
        assert_eq!(en.rows, nl.rows);
        services.stop().await;
    }

    async fn a_ticket_without_priority_and_type_shows_none(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let event = created("e1", 1).with(|ticket| ticket.priority = 0);
        let contact = services.apply(&connected, event).await.contact_id;
        let row = object(&services, &contact, |_| {}).await.unwrap().rows.remove(0);
        assert_eq!(
            (row.priority(), row.r#type()),
            (TicketPriority::Unspecified, TicketType::Unspecified)
        );
        services.stop().await;
    }

    async fn the_newest_created_ticket_comes_first_page_by_page(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let tickets = [(1, 50), (2, 10), (3, 90), (4, 50), (5, 0)];
        let contact = with_tickets(&services, &connected, &tickets).await;
        let order = [3, 4, 1, 2, 5];
        assert_eq!(ids(&services, &contact).await, order);
        let (mut rows, mut token) = (Vec::new(), String::new());
        let (mut whole, mut whole_token) = (Vec::new(), String::new());
        for _ in 0..3 {
            let page = object(&services, &contact, |request| {
                request.page_size = 2;
                request.page_token = token;
            });
            let page = page.await.unwrap();
            token = page.next_page_token;
            rows.extend(page.rows.iter().map(|row| row.ticket_id));
            let (page, next) = list(&services, &contact, 2, &whole_token).await.unwrap();
            whole_token = next;
            whole.extend(page.into_iter().filter_map(|ticket| ticket.ticket.map(|t| t.id)));
        }
        assert_eq!((rows, token), (order.to_vec(), String::new()));
        assert_eq!((whole, whole_token), (order.to_vec(), String::new()));
        services.stop().await;
    }

    async fn two_connections_share_ids_and_each_ticket_is_its_own(db: Database) {
        let (one, two) = (db.active_connection("acme").await, db.active_connection("acme").await);
        let services = Services::start(&db).await;
        let contact = with_tickets(&services, &one, &[(1, 0)]).await;
        services.apply(&two, created("e1", 1).email(EMAIL).subject("Other")).await;
        let rows = object(&services, &contact, |_| {}).await.unwrap().rows;
        let mut connections = vec![one.connection_id.clone(), two.connection_id.clone()];
        connections.sort();
        assert_eq!(
            rows.iter().map(|row| row.connection_id.clone()).collect::<Vec<_>>(),
            connections
        );
        assert_eq!(ticket(&services, &one, 1).await.unwrap().ticket.unwrap().subject, "Help");
        assert_eq!(ticket(&services, &two, 1).await.unwrap().ticket.unwrap().subject, "Other");
        services.stop().await;
    }

    async fn a_ticket_answers_all_22_fields_as_they_came(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let full = Ticket {
            status: TicketStatus::Pending.into(),
            id: i64::MAX,
            priority: TicketPriority::Urgent.into(),
            r#type: TicketType::Task.into(),
            updated_at: Some(time(7)),
            assignee_id: Some(i64::MAX - 1),
            brand_id: Some(2),
            created_at: Some(time(3)),
            description: "Première\n\"émoji\" 😀".into(),
            due_at: Some(time(9_000_000)),
            external_id: Some(String::new()),
            forum_topic_id: Some(3),
            group_id: Some(4),
            organization_id: Some(5),
            problem_id: Some(6),
            raw_subject: "{{dc.x}}".into(),
            recipient: Some("support@acme.example".into()),
            requester_id: 900,
            subject: "S".into(),
            submitter_id: Some(7),
            ticket_form_id: Some(8),
            url: "https://acme.zendesk.com/api/v2/tickets/1.json".into(),
        };
        let event = created("e1", 1).with(|ticket| *ticket = full.clone()).requester(900, EMAIL);
        let contact = services.apply(&connected, event).await.contact_id;
        let synced = ticket(&services, &connected, i64::MAX).await.unwrap();
        let expected = SyncedTicket {
            connection_id: connected.connection_id.clone(),
            contact_id: contact.clone(),
            ticket: Some(full),
        };
        assert_eq!(synced, expected);
        assert_eq!(list(&services, &contact, 0, "").await.unwrap().0, [expected]);
        services.stop().await;
    }

    async fn a_page_of_whole_tickets_ends_at_two_mebibytes(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let mut contact = String::new();
        for id in 1..=40 {
            let event = created(&format!("e{id}"), id)
                .email(EMAIL)
                .with(|ticket| ticket.description = "x".repeat(64 * 1024));
            contact = services.apply(&connected, event).await.contact_id;
        }
        let (first, token) = list(&services, &contact, 100, "").await.unwrap();
        assert!((20..40).contains(&first.len()), "{}", first.len());
        let (rest, end) = list(&services, &contact, 100, &token).await.unwrap();
        assert_eq!((first.len() + rest.len(), end), (40, String::new()));
        assert_eq!(ids(&services, &contact).await.len(), 40);
        services.stop().await;
    }

    async fn a_deleted_ticket_is_out_of_the_object_until_it_comes_back(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = with_tickets(&services, &connected, &[(1, 0), (2, 1)]).await;
        services.apply(&connected, deleted("d", 1, 60)).await;
        assert_eq!(ids(&services, &contact).await, [2]);
        let missing = ticket(&services, &connected, 1).await.unwrap_err();
        assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "TICKET_NOT_FOUND".into()));
        services.apply(&connected, undeleted("u", 1, 90).email(EMAIL)).await;
        assert_eq!(ids(&services, &contact).await, [2, 1]);
        services.stop().await;
    }

    async fn a_ticket_held_by_a_parked_event_is_in_nobody_s_object(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = with_tickets(&services, &connected, &[(1, 0)]).await;
        services.apply(&connected, updated("u", 1, 60).requester(77, "")).await;
        assert!(ids(&services, &contact).await.is_empty());
        assert!(ticket(&services, &connected, 1).await.is_err());
        services.stop().await;
    }

    async fn an_object_of_nobody_is_not_found_and_a_bad_request_names_its_field(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = with_tickets(&services, &connected, &[(1, 0), (2, 0)]).await;
        let nobody = uuid::Uuid::new_v4().to_string();
        let missing = object(&services, &nobody, |_| {}).await.unwrap_err();
        assert_eq!(reason(&missing), "CONTACT_NOT_FOUND");
        assert_eq!(
            reason(&list(&services, &nobody, 0, "").await.unwrap_err()),
            "CONTACT_NOT_FOUND"
        );
        let other = object(&services, &contact, |request| request.account_id = "other".into());
        assert_eq!(reason(&other.await.unwrap_err()), "CONTACT_NOT_FOUND");
        let (_, token) = list(&services, &contact, 1, "").await.unwrap();
        let mixed = object(&services, &contact, |request| request.page_token = token);
        assert_eq!(field(&mixed.await.unwrap_err()), "page_token");
        let language = object(&services, &contact, |request| request.language = 9);
        assert_eq!(field(&language.await.unwrap_err()), "language");
        for size in [-1, 101] {
            assert_eq!(field(&list(&services, &contact, size, "").await.unwrap_err()), "page_size");
        }
        assert_eq!(field(&ticket(&services, &connected, 0).await.unwrap_err()), "ticket_id");
        assert_eq!(field(&ticket(&services, &connected, -1).await.unwrap_err()), "ticket_id");
        services.stop().await;
    }
}
