//! Which of several tickets a value is from: that of the newest version, whatever the order.

use ticketsync::proto::v1::{EventOutcome, TicketField};

use super::{Setting, update};
use crate::support::{created, deleted, on_both_engines, updated};

const ANN: &str = "ann@example.com";

on_both_engines! {
    async fn a_value_is_that_of_the_newest_version_of_any_ticket(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let about = |ticket: i64, at: i64| {
            let event = updated(&format!("e{ticket}-{at}"), ticket, at);
            event.email(ANN).subject(&format!("{ticket} at {at}"))
        };
        for (event, newest) in [
            (about(1, 60), "1 at 60"),
            (about(2, 30), "1 at 60"),
            (about(2, 90), "2 at 90"),
            (about(1, 61), "2 at 90"),
            (about(3, 91), "3 at 91"),
        ] {
            setting.send(event).await;
            assert_eq!(setting.values(ANN).await, [format!("subject={newest}")]);
        }
        assert_eq!(setting.send(deleted("d", 3, 120)).await, EventOutcome::Deleted);
        setting.send(about(1, 90)).await;
        assert_eq!(setting.values(ANN).await, ["subject=3 at 91"], "a deletion takes nothing away");
        setting.stop().await;
    }

    async fn of_two_states_at_one_moment_the_one_observed_later_is_written(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let at_once = |id: &str, ticket: i64, observed: i64| {
            updated(id, ticket, 60).observed_at(observed).email(ANN).subject(id)
        };
        setting.send(at_once("b", 1, 70)).await;
        setting.send(at_once("a", 2, 70)).await;
        assert_eq!(setting.values(ANN).await, ["subject=b"]);
        setting.send(at_once("c", 2, 70)).await;
        assert_eq!(setting.values(ANN).await, ["subject=c"]);
        setting.send(at_once("d", 3, 69)).await;
        assert_eq!(setting.values(ANN).await, ["subject=c"]);
        setting.send(at_once("aa", 1, 71)).await;
        assert_eq!(setting.values(ANN).await, ["subject=aa"]);
        setting.stop().await;
    }

    async fn two_connections_may_write_to_one_field_and_the_newer_version_stays(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let other = db.active_connection("acme").await;
        update(&setting.clients, &other, &[(TicketField::Url, &subject)]).await.unwrap();
        setting.send(updated("e1", 1, 60).email(ANN)).await;
        let older = updated("e1", 1, 30).email(ANN).with(|ticket| ticket.url = "older".into());
        setting.services.apply(&other, older).await;
        assert_eq!(setting.values(ANN).await, ["subject=Help"]);
        let newer = updated("e2", 1, 90).email(ANN).with(|ticket| ticket.url = "newer".into());
        setting.services.apply(&other, newer).await;
        assert_eq!(setting.values(ANN).await, ["subject=newer"]);
        // The same ids on the other connection are another ticket and another event.
        setting.send(updated("e2", 1, 61).email(ANN).subject("Later")).await;
        assert_eq!(setting.values(ANN).await, ["subject=newer"]);
        setting.stop().await;
    }

    async fn mappings_write_to_contacts_of_their_own_account_only(db: Database) {
        let setting = Setting::start(&db).await;
        let subject = setting.text("subject").await;
        setting.map(&[(TicketField::Subject, &subject)]).await;
        let other = db.active_connection("other").await;
        setting.services.apply(&other, created("e1", 1).email(ANN).subject("Other")).await;
        setting.send(created("e1", 1).email(ANN)).await;
        let mut session = db.session().await;
        let accounts = session.texts("select account_id from contact_values").await;
        assert_eq!(accounts, ["acme"]);
        session.close().await;
        setting.stop().await;
    }
}
