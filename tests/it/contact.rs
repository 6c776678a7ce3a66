//! Contacts: those the platform names, those the sync makes, and their tag.

use ticketsync::proto::v1::{
    Contact, CreateContactRequest, GetContactRequest, ListContactsRequest,
    get_contact_request::Contact as Which,
};
use tonic::{Code, Status};

use crate::support::{Services, created, field, on_both_engines, reason};

const TAG: &str = "Zendesk-support-integratie";

pub async fn create(services: &Services, email: &str, name: &str) -> Result<Contact, Status> {
    let request =
        CreateContactRequest { account_id: "acme".into(), email: email.into(), name: name.into() };
    Ok(services.contacts.clone().create_contact(request).await?.into_inner())
}

pub async fn get(services: &Services, contact: Which) -> Result<Contact, Status> {
    let request = GetContactRequest { account_id: "acme".into(), contact: Some(contact) };
    Ok(services.contacts.clone().get_contact(request).await?.into_inner())
}

pub async fn by_email(services: &Services, email: &str) -> Result<Contact, Status> {
    get(services, Which::Email(email.into())).await
}

async fn list(
    services: &Services,
    account: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<String>, String), Status> {
    let page_token = page_token.into();
    let request = ListContactsRequest { account_id: account.into(), page_size, page_token };
    let page = services.contacts.clone().list_contacts(request).await?.into_inner();
    Ok((page.contacts.into_iter().map(|contact| contact.email).collect(), page.next_page_token))
}

on_both_engines! {
    async fn a_contact_is_found_by_id_and_by_e_mail_without_case(db: Database) {
        let services = Services::start(&db).await;
        let contact = create(&services, " Ann@Example.com ", "Ann").await.unwrap();
        assert_eq!((contact.email.as_str(), contact.name.as_str()), ("Ann@Example.com", "Ann"));
        assert!(contact.tags.is_empty() && contact.create_time.is_some());
        let id = Which::ContactId(contact.contact_id.clone());
        assert_eq!(get(&services, id).await.unwrap(), contact);
        for email in ["ann@example.com", "ANN@EXAMPLE.COM", " Ann@Example.com"] {
            assert_eq!(by_email(&services, email).await.unwrap(), contact);
        }
        services.stop().await;
    }

    async fn a_second_contact_with_the_e_mail_is_refused(db: Database) {
        let services = Services::start(&db).await;
        create(&services, "ann@example.com", "Ann").await.unwrap();
        let refused = create(&services, "ANN@example.com", "Anna").await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::AlreadyExists, "CONTACT_EXISTS".into())
        );
        assert_eq!(by_email(&services, "ann@example.com").await.unwrap().name, "Ann");
        services.stop().await;
    }

    async fn one_of_many_who_create_the_same_contact_at_once_wins(db: Database) {
        let services = Services::start(&db).await;
        let all = (0..20).map(|_| create(&services, "ann@example.com", ""));
        let all = futures::future::join_all(all).await;
        assert_eq!(all.iter().filter(|created| created.is_ok()).count(), 1);
        for refused in all.into_iter().filter_map(Result::err) {
            assert_eq!(reason(&refused), "CONTACT_EXISTS");
        }
        services.stop().await;
    }

    async fn the_contact_the_platform_has_keeps_its_name_and_gets_the_tag(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let contact = create(&services, "R901@Example.com", "Anna Lee").await.unwrap();
        let result = services.apply(&connected, created("e1", 1)).await;
        assert_eq!(result.contact_id, contact.contact_id);
        let synced = by_email(&services, "r901@example.com").await.unwrap();
        assert_eq!(synced, Contact { tags: vec![TAG.into()], ..contact });
        services.stop().await;
    }

    async fn a_contact_that_is_not_there_is_made_with_the_requester_s_name(db: Database) {
        let connected = db.active_connection("acme").await;
        let services = Services::start(&db).await;
        let result = services.apply(&connected, created("e1", 1)).await;
        let contact = get(&services, Which::ContactId(result.contact_id)).await.unwrap();
        assert_eq!(
            (contact.email.as_str(), contact.name.as_str()),
            ("r901@example.com", "Ann Example")
        );
        assert_eq!(contact.tags, [TAG]);
        services.stop().await;
    }

    async fn contacts_are_listed_oldest_first_in_pages(db: Database) {
        let services = Services::start(&db).await;
        let emails: Vec<String> = (0..5).map(|n| format!("c{n}@example.com")).collect();
        for email in &emails {
            create(&services, email, "").await.unwrap();
        }
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let (page, next) = list(&services, "acme", 2, &token).await.unwrap();
            assert!(page.len() <= 2);
            listed.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        let mut sorted = listed.clone();
        sorted.sort();
        assert_eq!(sorted, emails, "each once");
        // Within one millisecond chance decides, so only the whole list's order is told by ids.
        assert_eq!(list(&services, "acme", 0, "").await.unwrap(), (listed, String::new()));
        assert_eq!(list(&services, "other", 0, "").await.unwrap(), (vec![], String::new()));
        services.stop().await;
    }

    async fn a_page_token_fits_its_account_and_its_list_only(db: Database) {
        let services = Services::start(&db).await;
        for email in ["a@example.com", "b@example.com"] {
            create(&services, email, "").await.unwrap();
        }
        let (_, token) = list(&services, "acme", 1, "").await.unwrap();
        for (account, token) in [("other", token.as_str()), ("acme", "x"), ("acme", &token[1..])] {
            let refused = list(&services, account, 1, token).await.unwrap_err();
            assert_eq!(
                (refused.code(), field(&refused)),
                (Code::InvalidArgument, "page_token".into())
            );
        }
        services.stop().await;
    }

    async fn a_contact_of_another_account_is_not_found(db: Database) {
        let services = Services::start(&db).await;
        let contact = create(&services, "ann@example.com", "").await.unwrap();
        let which = Which::ContactId(contact.contact_id);
        let request = GetContactRequest { account_id: "other".into(), contact: Some(which) };
        let missing = services.contacts.clone().get_contact(request).await.unwrap_err();
        assert_eq!(
            (missing.code(), reason(&missing)),
            (Code::NotFound, "CONTACT_NOT_FOUND".into())
        );
        services.stop().await;
    }

    async fn a_bad_contact_is_refused_with_the_field(db: Database) {
        let services = Services::start(&db).await;
        let long = "x".repeat(257);
        for (email, name, path) in [
            ("", "", "email"),
            ("no address", "", "email"),
            ("a@b@c", "", "email"),
            (&format!("{}@example.com", "x".repeat(250)), "", "email"),
            ("a\u{0}@example.com", "", "email"),
            ("a@example.com", &long, "name"),
            ("a@example.com", "A\u{0}", "name"),
        ] {
            let refused = create(&services, email, name).await.unwrap_err();
            assert_eq!((refused.code(), field(&refused)), (Code::InvalidArgument, path.into()));
        }
        let refused = get(&services, Which::ContactId("x".into())).await.unwrap_err();
        assert_eq!(field(&refused), "contact_id");
        let none = GetContactRequest { account_id: "acme".into(), contact: None };
        let refused = services.contacts.clone().get_contact(none).await.unwrap_err();
        assert_eq!(field(&refused), "contact");
        for size in [-1, 1_001] {
            assert_eq!(field(&list(&services, "acme", size, "").await.unwrap_err()), "page_size");
        }
        let mut session = db.session().await;
        assert_eq!(session.integers("select count(*) from contacts").await, [0]);
        session.close().await;
        services.stop().await;
    }
}
