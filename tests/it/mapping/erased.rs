//! Mapped values are contents: they go with the contact, and with the ticket that wrote them.

use ticketsync::{
    clock,
    domain::TicketEvent,
    proto::v1::{DisconnectRequest, EraseContactRequest, EventOutcome, TicketField},
    rpc,
    store::{BatchKeys, Lane},
};

use super::Setting;
use crate::{
    contact::by_email,
    support::{Database, Event, created, on_both_engines, permanently_deleted, reason, updated},
};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
/// What stands in every value that is to go.
const MARK: &str = "very private";

async fn erase(setting: &Setting, email: &str) {
    let contact_id = by_email(&setting.services, email).await.unwrap().contact_id;
    let request = EraseContactRequest { account_id: "acme".into(), contact_id };
    setting.services.contacts.clone().erase_contact(request).await.unwrap();
}

/// How many values are stored, and how many of them hold what should be gone.
async fn stored(db: &Database) -> Vec<i64> {
    let mut session = db.session().await;
    let mut counts = session.integers("select count(*) from contact_values").await;
    let marked = format!("select count(*) from contact_values where value like '%{MARK}%'");
    counts.extend(session.integers(&marked).await);
    session.close().await;
    counts
}

async fn mapped(db: &Database) -> Setting {
    let setting = Setting::start(db).await;
    let (subject, status) = (setting.text("subject").await, setting.text("status").await);
    setting.map(&[(TicketField::Subject, &subject), (TicketField::Status, &status)]).await;
    setting
}

on_both_engines! {
    async fn an_erased_contact_takes_its_values_along(db: Database) {
        let setting = mapped(&db).await;
        setting.send(created("e1", 1).email(ANN).subject(MARK)).await;
        setting.send(created("e2", 2).email(BOB)).await;
        erase(&setting, ANN).await;
        assert_eq!(stored(&db).await, [2, 0]);
        assert_eq!(setting.values(BOB).await, ["subject=Help", "status=open"]);
        setting.send(created("e3", 3).email(ANN)).await;
        assert_eq!(setting.values(ANN).await, ["subject=Help", "status=open"], "a new contact");
        setting.stop().await;
    }

    async fn an_erased_contact_takes_along_what_its_tickets_wrote_to_others(db: Database) {
        let setting = mapped(&db).await;
        setting.send(created("e1", 1).requester(77, BOB).subject(MARK)).await;
        setting.send(updated("e2", 1, 60).requester(78, ANN).subject(MARK)).await;
        // Unmapped since: what was written is still there to be erased.
        setting.map(&[]).await;
        erase(&setting, ANN).await;
        assert_eq!(stored(&db).await, [0, 0]);
        assert_eq!(setting.values(BOB).await, [""; 0]);
        setting.stop().await;
    }

    async fn a_ticket_deleted_for_ever_takes_its_values_along_and_others_stay(db: Database) {
        let setting = mapped(&db).await;
        let subject = created("e1", 1).requester(77, ANN).subject(MARK);
        setting.send(subject).await;
        setting.send(updated("e2", 2, 30).requester(78, BOB).subject("Bob's")).await;
        setting.send(updated("e3", 1, 60).requester(78, BOB).subject(MARK)).await;
        setting.send(updated("e4", 3, 90).requester(77, ANN).subject("Ann's")).await;
        assert_eq!(setting.values(ANN).await, ["subject=Ann's", "status=open"]);
        assert_eq!(setting.values(BOB).await, [format!("subject={MARK}"), "status=open".into()]);
        assert_eq!(setting.send(permanently_deleted("p", 1, 100)).await, EventOutcome::Erased);
        assert_eq!(setting.values(ANN).await, ["subject=Ann's", "status=open"]);
        assert_eq!(setting.values(BOB).await, [""; 0]);
        assert_eq!(stored(&db).await, [2, 0]);
        // Nothing is left that would be newer.
        setting.send(updated("e5", 2, 31).requester(78, BOB).subject("Again")).await;
        assert_eq!(setting.values(BOB).await, ["subject=Again", "status=open"]);
        setting.stop().await;
    }

    async fn a_ticket_is_erased_after_its_mappings_are_gone(db: Database) {
        let setting = mapped(&db).await;
        setting.send(created("e1", 1).email(ANN).subject(MARK)).await;
        setting.map(&[]).await;
        setting.send(permanently_deleted("p", 1, 100)).await;
        assert_eq!(stored(&db).await, [0, 0]);
        setting.stop().await;
    }

    async fn within_one_batch_an_erased_ticket_leaves_room_for_an_older_one(db: Database) {
        let setting = mapped(&db).await;
        setting.send(updated("e0", 1, 10).requester(77, ANN).subject("Stored before")).await;
        let connection = setting.to.key();
        let now = clock::now();
        let parse = |event: Event| rpc::event::parse(connection.clone(), Some(event.0), now).unwrap();
        let marked = |event: Event, requester, email| event.requester(requester, email).subject(MARK);
        let events: Vec<TicketEvent> = [
            marked(updated("e1", 1, 60), 77, ANN),
            marked(updated("e2", 2, 61), 78, BOB),
            permanently_deleted("p1", 1, 70),
            permanently_deleted("p2", 2, 70),
            updated("e3", 3, 30).requester(77, ANN).subject("Ann's"),
        ].map(parse).into();
        let mut lane = Lane::new(setting.services.store.clone());
        let mut tx = lane.begin().await.unwrap();
        let mut set = tx.load_batch(BatchKeys::of(&events)).await.unwrap();
        for event in events {
            set.apply(event, now, &mut rand::random).unwrap();
        }
        tx.save_batch(&mut set, now).await.unwrap();
        tx.commit().await.unwrap();
        drop(lane);
        assert_eq!(setting.values(ANN).await, ["subject=Ann's", "status=open"]);
        assert_eq!(setting.values(BOB).await, [""; 0]);
        assert_eq!(stored(&db).await, [2, 0]);
        setting.stop().await;
    }

    async fn disconnecting_keeps_values_and_mappings_also_where_tickets_are_deleted(db: Database) {
        let setting = mapped(&db).await;
        setting.send(created("e1", 1).email(ANN)).await;
        let request = DisconnectRequest {
            account_id: "acme".into(),
            connection_id: setting.to.connection_id.clone(),
            delete_tickets: true,
        };
        let ended = setting.clients.connections.clone().disconnect(request).await.unwrap();
        let connection = ended.into_inner().connection.unwrap();
        assert_eq!(connection.field_mappings.len(), 2);
        assert_eq!(setting.values(ANN).await, ["subject=Help", "status=open"]);
        let field = &connection.field_mappings[0].contact_field_id;
        let refused = super::delete(&setting.clients, "acme", field).await.unwrap_err();
        assert_eq!(reason(&refused), "CONTACT_FIELD_MAPPED");
        // Mappings are replaced in any state, so that the field can go.
        setting.map(&[]).await;
        super::delete(&setting.clients, "acme", field).await.unwrap();
        assert_eq!(setting.values(ANN).await, ["status=open"]);
        setting.stop().await;
    }
}
