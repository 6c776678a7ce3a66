//! The platform's contact fields: added, listed, removed.

use ticketsync::proto::v1::{ContactFieldType, EventOutcome, TicketField};
use tonic::Code;

use super::{Setting, create, delete, list};
use crate::support::{created, field, on_both_engines, reason};

const ANN: &str = "ann@example.com";
const NO_FIELD: &str = "00000000-0000-7000-8000-000000000000";

on_both_engines! {
    async fn fields_are_listed_in_the_order_in_which_they_were_added(db: Database) {
        let setting = Setting::start(&db).await;
        let mut added = Vec::new();
        for number in 0..30 {
            // Faster than the clock's milliseconds.
            let name = format!("{}", (number * 7) % 30);
            added.push(create(&setting.clients, "acme", &name, ContactFieldType::Text, &[]).await.unwrap());
        }
        let all = list(&setting.clients, "acme", 0, "").await.unwrap();
        assert_eq!((&all.contact_fields, all.next_page_token.as_str()), (&added, ""));
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = list(&setting.clients, "acme", 7, &token).await.unwrap();
            assert!(page.contact_fields.len() <= 7);
            seen.extend(page.contact_fields);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
            let stolen = list(&setting.clients, "other", 7, &token).await.unwrap_err();
            assert_eq!(field(&stolen), "page_token");
        }
        assert_eq!(seen, added);
        assert_eq!(list(&setting.clients, "other", 0, "").await.unwrap().contact_fields, []);
        setting.stop().await;
    }

    async fn a_page_of_long_dropdowns_ends_at_2_mebibytes(db: Database) {
        let setting = Setting::start(&db).await;
        let options: Vec<String> = (0..100).map(|n| format!("{n:0>256}")).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        for number in 0..90 {
            let name = format!("f{number}");
            create(&setting.clients, "acme", &name, ContactFieldType::Dropdown, &options).await.unwrap();
        }
        let first = list(&setting.clients, "acme", 90, "").await.unwrap();
        let second = list(&setting.clients, "acme", 90, &first.next_page_token).await.unwrap();
        assert!((70..90).contains(&first.contact_fields.len()));
        assert_eq!(first.contact_fields.len() + second.contact_fields.len(), 90);
        assert_eq!(first.contact_fields[0].options, options);
        setting.stop().await;
    }

    async fn a_name_is_unique_within_its_account_without_case(db: Database) {
        let setting = Setting::start(&db).await;
        let made = create(&setting.clients, "acme", "  Laatste Ticket ", ContactFieldType::Text, &[]);
        assert_eq!(made.await.unwrap().name, "Laatste Ticket");
        for (name, field_type) in
            [("laatste ticket", ContactFieldType::Text), ("LAATSTE TICKET ", ContactFieldType::Date)]
        {
            let refused = create(&setting.clients, "acme", name, field_type, &[]).await.unwrap_err();
            let expected = (Code::AlreadyExists, "CONTACT_FIELD_EXISTS".to_owned());
            assert_eq!((refused.code(), reason(&refused)), expected);
        }
        create(&setting.clients, "other", "Laatste Ticket", ContactFieldType::Text, &[]).await.unwrap();
        setting.stop().await;
    }

    async fn one_of_many_who_add_the_same_field_at_once_wins(db: Database) {
        let setting = Setting::start(&db).await;
        let add = |_| create(&setting.clients, "new", "Name", ContactFieldType::Text, &[]);
        let all = futures::future::join_all((0..20).map(add)).await;
        assert_eq!(all.iter().filter(|added| added.is_ok()).count(), 1);
        for refused in all.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&refused), "CONTACT_FIELD_EXISTS");
        }
        assert_eq!(list(&setting.clients, "new", 0, "").await.unwrap().contact_fields.len(), 1);
        setting.stop().await;
    }

    async fn a_mapped_field_cannot_be_removed_and_an_unmapped_one_goes_with_its_values(db: Database) {
        let setting = Setting::start(&db).await;
        let (subject, status) = (setting.text("subject").await, setting.text("status").await);
        setting.map(&[(TicketField::Subject, &subject), (TicketField::Status, &status)]).await;
        setting.send(created("e1", 1).email(ANN)).await;
        let refused = delete(&setting.clients, "acme", &subject).await.unwrap_err();
        let expected = (Code::FailedPrecondition, "CONTACT_FIELD_MAPPED".to_owned());
        assert_eq!((refused.code(), reason(&refused)), expected);
        assert_eq!(setting.values(ANN).await, ["subject=Help", "status=open"]);

        setting.map(&[(TicketField::Status, &status)]).await;
        delete(&setting.clients, "acme", &subject).await.unwrap();
        assert_eq!(setting.values(ANN).await, ["status=open"]);
        let mut session = db.session().await;
        assert_eq!(session.integers("select count(*) from contact_values").await, [1]);
        session.close().await;
        let again = setting.text("Subject").await;
        assert_ne!(again, subject, "the name is free, and nothing of the old field is left");
        assert_eq!(setting.send(created("e2", 2).email(ANN)).await, EventOutcome::Created);
        assert_eq!(setting.values(ANN).await, ["status=open"]);
        setting.stop().await;
    }

    async fn a_field_with_many_values_goes_whole_and_leaves_the_others(db: Database) {
        const CONTACTS: i64 = 2_500;
        let setting = Setting::start(&db).await;
        let (gone, kept) = (setting.text("gone").await, setting.text("kept").await);
        let mut session = db.session().await;
        for field in [&gone, &kept] {
            session
                .execute(&format!(
                    "insert into contact_values
                     with recursive numbers (n) as
                          (select 1 union all select n + 1 from numbers where n < {CONTACTS})
                     select 'acme', 'contact-' || (10000 + n), '{field}', 'connection', n, 0, 0, 'e',
                            'value'
                       from numbers"
                ))
                .await;
        }
        delete(&setting.clients, "acme", &gone).await.unwrap();
        let left = session.texts("select distinct contact_field_id from contact_values").await;
        assert_eq!(left, [kept]);
        assert_eq!(session.integers("select count(*) from contact_values").await, [CONTACTS]);
        session.close().await;
        setting.stop().await;
    }

    async fn an_unknown_field_and_another_account_s_cannot_be_removed(db: Database) {
        let setting = Setting::start(&db).await;
        let own = setting.text("subject").await;
        create(&setting.clients, "other", "subject", ContactFieldType::Text, &[]).await.unwrap();
        for (account, id) in [("acme", NO_FIELD), ("other", &own), ("nobody", &own)] {
            let refused = delete(&setting.clients, account, id).await.unwrap_err();
            let expected = (Code::NotFound, "CONTACT_FIELD_NOT_FOUND".to_owned());
            assert_eq!((refused.code(), reason(&refused)), expected);
            assert_eq!(field(&refused), "contact_field_id");
        }
        delete(&setting.clients, "acme", &own).await.unwrap();
        let twice = delete(&setting.clients, "acme", &own).await.unwrap_err();
        assert_eq!(reason(&twice), "CONTACT_FIELD_NOT_FOUND");
        setting.stop().await;
    }

    async fn an_account_has_at_most_500_fields_and_40_textareas(db: Database) {
        let setting = Setting::start(&db).await;
        for number in 0..40 {
            setting.field(&format!("area {number}"), ContactFieldType::Textarea).await;
        }
        let add = |name: &'static str, field_type| create(&setting.clients, "acme", name, field_type, &[]);
        let refused = add("one more", ContactFieldType::Textarea).await.unwrap_err();
        assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, "type".into()));
        for number in 40..500 {
            setting.text(&format!("text {number}")).await;
        }
        let refused = add("one more", ContactFieldType::Text).await.unwrap_err();
        assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, "account_id".into()));
        let page = list(&setting.clients, "acme", 1_000, "").await.unwrap();
        assert_eq!(page.contact_fields.len(), 500);
        delete(&setting.clients, "acme", &page.contact_fields[0].contact_field_id).await.unwrap();
        add("one more", ContactFieldType::Textarea).await.unwrap();
        setting.stop().await;
    }
}
