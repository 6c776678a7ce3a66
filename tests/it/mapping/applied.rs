//! Which events write values, in what form, and which leave them alone.

use ticketsync::proto::v1::{
    ContactFieldType, EventOutcome, GetConnectionRequest, ListConnectionsRequest,
    ListContactsRequest, RetryParkedEventsRequest, TicketField, TicketStatus,
};

use super::{Setting, create, mappings};
use crate::support::{created, deleted, on_both_engines, time, undeleted, updated};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

on_both_engines! {
    async fn a_value_is_written_as_its_contact_field_s_type_demands(db: Database) {
        let setting = Setting::start(&db).await;
        let mut mapped = Vec::new();
        for (name, field_type, from) in [
            ("subject", ContactFieldType::Text, TicketField::Subject),
            ("description", ContactFieldType::Textarea, TicketField::Description),
            ("assignee", ContactFieldType::Number, TicketField::AssigneeId),
            ("day", ContactFieldType::Date, TicketField::UpdatedAt),
            ("moment", ContactFieldType::Datetime, TicketField::UpdatedAt),
            ("status", ContactFieldType::Text, TicketField::Status),
        ] {
            mapped.push((from, setting.field(name, field_type).await));
        }
        let options = ["Laag", "low", "NORMAL", "high", "Urgent"];
        let dropdown = create(
            &setting.clients, "acme", "priority", ContactFieldType::Dropdown, &options,
        );
        mapped.push((TicketField::Priority, dropdown.await.unwrap().contact_field_id));
        let mapped: Vec<_> = mapped.iter().map(|(from, to)| (*from, to.as_str())).collect();
        setting.map(&mapped).await;
        let event = created("e1", 1).email(ANN).with(|ticket| {
            ticket.subject = "One\nline".into();
            ticket.description = "Two\nlines, \u{1f980} and \"quotes\"".into();
            ticket.assignee_id = Some(9_007_199_254_740_993);
        });
        assert_eq!(setting.send(event).await, EventOutcome::Created);
        assert_eq!(setting.values(ANN).await, [
            "subject=One line",
            "description=Two\nlines, \u{1f980} and \"quotes\"",
            "assignee=9007199254740993",
            "day=2025-01-01",
            "moment=2025-01-01T00:00:00Z",
            "status=open",
            "priority=NORMAL",
        ]);
        let list = ListContactsRequest { account_id: "acme".into(), ..Default::default() };
        let listed = setting.services.contacts.clone().list_contacts(list).await.unwrap();
        assert_eq!(listed.into_inner().contacts[0].field_values, [], "GetContact shows them only");
        setting.stop().await;
    }

    async fn a_ticket_field_without_a_value_clears_it(db: Database) {
        let setting = Setting::start(&db).await;
        let (agent, subject) = (setting.text("agent").await, setting.text("subject").await);
        setting.map(&[(TicketField::AssigneeId, &agent), (TicketField::Subject, &subject)]).await;
        let with = |event: crate::support::Event, agent: Option<i64>, subject: &str| {
            event.email(ANN).subject(subject).with(|ticket| ticket.assignee_id = agent)
        };
        setting.send(with(created("e1", 1), Some(7), "Help")).await;
        assert_eq!(setting.values(ANN).await, ["agent=7", "subject=Help"]);
        setting.send(with(updated("e2", 1, 60), None, "")).await;
        assert_eq!(setting.values(ANN).await, [""; 0]);
        // Cleared by a newer version than this.
        setting.send(with(updated("e3", 2, 30), Some(8), "Other")).await;
        assert_eq!(setting.values(ANN).await, [""; 0]);
        setting.send(with(updated("e4", 2, 90), None, "Again")).await;
        assert_eq!(setting.values(ANN).await, ["subject=Again"]);
        setting.stop().await;
    }

    async fn a_changed_mapping_acts_from_the_next_applied_event_and_unmapping_keeps_values(db: Database) {
        let setting = Setting::start(&db).await;
        let (status, subject) = (setting.text("status").await, setting.text("subject").await);
        setting.send(created("e1", 1).email(ANN)).await;
        setting.map(&[(TicketField::Status, &status)]).await;
        assert_eq!(setting.values(ANN).await, [""; 0], "nothing was applied since");
        let again = created("e1", 1).email(ANN);
        assert_eq!(setting.send(again).await, EventOutcome::Duplicate);
        assert_eq!(setting.send(updated("e2", 1, -9).email(ANN)).await, EventOutcome::Stale);
        assert_eq!(setting.values(ANN).await, [""; 0]);
        let same = updated("e3", 1, 0).observed_at(60).email(ANN);
        assert_eq!(setting.send(same).await, EventOutcome::Unchanged);
        assert_eq!(setting.values(ANN).await, ["status=open"]);
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let solved = updated("e4", 1, 90).email(ANN).status(TicketStatus::Solved);
        assert_eq!(setting.send(solved).await, EventOutcome::Updated);
        assert_eq!(setting.values(ANN).await, ["status=open", "subject=Help"]);
        setting.map(&[]).await;
        setting.send(updated("e5", 1, 120).email(ANN).subject("Late")).await;
        assert_eq!(setting.values(ANN).await, ["status=open", "subject=Help"]);
        setting.stop().await;
    }

    async fn a_deletion_writes_nothing_and_a_ticket_that_comes_back_does(db: Database) {
        let setting = Setting::start(&db).await;
        let status = setting.text("status").await;
        setting.map(&[(TicketField::Status, &status)]).await;
        setting.send(created("e1", 1).email(ANN)).await;
        assert_eq!(setting.send(deleted("e2", 1, 30)).await, EventOutcome::Deleted);
        let gone = updated("e3", 1, 60).email(ANN).status(TicketStatus::Deleted);
        assert_eq!(setting.send(gone).await, EventOutcome::Unchanged);
        assert_eq!(setting.values(ANN).await, ["status=open"]);
        let back = undeleted("e4", 1, 90).email(ANN).status(TicketStatus::Hold);
        assert_eq!(setting.send(back).await, EventOutcome::Restored);
        assert_eq!(setting.values(ANN).await, ["status=hold"]);
        setting.stop().await;
    }

    async fn an_adopted_ticket_writes_and_a_late_creation_finds_that(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let first = updated("e1", 1, 60).email(ANN).subject("New");
        assert_eq!(setting.send(first).await, EventOutcome::Adopted);
        let late = created("e2", 1).email(ANN).subject("Old");
        assert_eq!(setting.send(late).await, EventOutcome::Created);
        assert_eq!(setting.values(ANN).await, ["subject=New"]);
        setting.stop().await;
    }

    async fn a_parked_event_writes_once_it_is_released(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let parked = created("e1", 1).requester(77, "").subject("Parked");
        assert_eq!(setting.send(parked).await, EventOutcome::Parked);
        // Shows the requester's address, and is older than what it releases.
        setting.send(updated("e2", 2, -60).requester(77, ANN).subject("Older")).await;
        assert_eq!(setting.values(ANN).await, ["subject=Parked"]);
        setting.stop().await;
    }

    async fn a_parked_event_that_is_tried_again_writes(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        setting.send(created("e1", 1).requester(77, "").subject("Parked")).await;
        let mut session = db.session().await;
        let contact = "00000000-0000-7000-8000-000000000000";
        session
            .execute(&format!(
                "insert into contacts values ('acme', '{contact}', '{ANN}', '{ANN}', '', null, 0);
                 insert into requesters values
                     ('acme', '{}', 77, '{contact}', 0, 'e0')",
                setting.to.connection_id
            ))
            .await;
        session.close().await;
        let retry = RetryParkedEventsRequest {
            account_id: "acme".into(),
            connection_id: setting.to.connection_id.clone(),
            event_ids: vec!["e1".into()], event_source: 0,
        };
        setting.services.ingest.clone().retry_parked_events(retry).await.unwrap();
        assert_eq!(setting.values(ANN).await, ["subject=Parked"]);
        setting.stop().await;
    }

    async fn a_ticket_of_another_requester_writes_to_their_contact_and_the_old_one_keeps_its_values(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        setting.send(created("e1", 1).requester(77, ANN).subject("Ann's")).await;
        setting.send(updated("e2", 1, 60).requester(78, BOB).subject("Bob's")).await;
        assert_eq!(setting.values(ANN).await, ["subject=Ann's"]);
        assert_eq!(setting.values(BOB).await, ["subject=Bob's"]);
        setting.stop().await;
    }

    async fn values_stay_where_they_are_when_a_requester_has_another_address(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        setting.send(created("e1", 1).requester(77, ANN)).await;
        let moved = updated("e2", 1, -60).observed_at(60).requester(77, BOB).subject("Stale");
        assert_eq!(setting.send(moved).await, EventOutcome::Moved);
        assert_eq!(setting.values(ANN).await, ["subject=Help"]);
        assert_eq!(setting.values(BOB).await, [""; 0]);
        setting.send(updated("e3", 1, 90).requester(77, BOB).subject("Next")).await;
        assert_eq!(setting.values(ANN).await, ["subject=Help"]);
        assert_eq!(setting.values(BOB).await, ["subject=Next"]);
        setting.stop().await;
    }

    async fn every_call_but_the_list_shows_the_mappings_in_the_order_of_the_fields(db: Database) {
        let setting = Setting::start(&db).await;
        let (first, second) = (setting.text("b").await, setting.text("a").await);
        let mapped = [(TicketField::Subject, second.as_str()), (TicketField::Status, &first)];
        let answered = setting.map(&mapped).await;
        let sorted = mappings(&[mapped[1], mapped[0]]);
        assert_eq!(answered.field_mappings, sorted);
        let get = GetConnectionRequest {
            account_id: "acme".into(),
            connection_id: setting.to.connection_id.clone(),
        };
        let mut connections = setting.clients.connections.clone();
        let mut got = connections.get_connection(get).await.unwrap().into_inner();
        assert!(got.sync_status.take().is_some(), "only GetConnection shows it");
        assert_eq!(got, answered);
        let list = ListConnectionsRequest { account_id: "acme".into(), ..Default::default() };
        let listed = connections.list_connections(list).await.unwrap().into_inner().connections;
        assert_eq!(listed[0].field_mappings, []);
        assert_eq!(setting.map(&mapped[..1]).await.field_mappings, sorted[1..]);
        assert_eq!(setting.map(&[]).await.field_mappings, []);
        setting.stop().await;
    }

    async fn the_values_of_a_batch_are_those_of_its_newest_versions(db: Database) {
        let setting = Setting::start(&db).await;
        let (subject, moment) = (
            setting.text("subject").await,
            setting.field("moment", ContactFieldType::Datetime).await,
        );
        setting.map(&[(TicketField::Subject, &subject), (TicketField::UpdatedAt, &moment)]).await;
        let event = |number: i64| {
            let event = updated(&format!("e{number}"), number % 5 + 1, (number * 37) % 100);
            event.requester(77, ANN).subject(&format!("At {}", (number * 37) % 100))
        };
        let messages: Vec<_> = (0..100).map(|number| event(number).message(&setting.to)).collect();
        let answers = setting.services.ingest.clone();
        let answers = answers.clone().ingest_ticket_events(tokio_stream::iter(messages)).await;
        let mut answers = answers.unwrap().into_inner();
        while answers.message().await.unwrap().is_some() {}
        assert_eq!(time(99).seconds % 60, 39);
        assert_eq!(setting.values(ANN).await, ["subject=At 99", "moment=2025-01-01T00:01:39Z"]);
        setting.stop().await;
    }
}
