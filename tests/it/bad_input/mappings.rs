//! Contact fields and mappings that are refused: by the path of each field at fault.

use ticketsync::proto::v1::{
    ContactFieldType, CreateContactFieldRequest, DeleteContactFieldRequest, FieldMapping,
    ListContactFieldsRequest, TicketField, UpdateFieldMappingsRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{assert_refuses, rows, setting};
use crate::{
    mapping::{create, mappings, update},
    support::{Clients, Connected, on_both_engines, reason},
};

const NO_FIELD: &str = "00000000-0000-7000-8000-000000000000";

/// What makes a contact field's request bad, and the path that has to be named.
type Case = (&'static str, fn(&mut CreateContactFieldRequest));

fn with_options(request: &mut CreateContactFieldRequest, options: &[&str]) {
    request.r#type = ContactFieldType::Dropdown.into();
    request.options = options.iter().map(|option| (*option).to_owned()).collect();
}

fn field_cases() -> Vec<Case> {
    vec![
        ("account_id", |request| request.account_id.clear()),
        ("account_id", |request| request.account_id = "Acme".into()),
        ("name", |request| request.name.clear()),
        ("name", |request| request.name = " \t".into()),
        ("name", |request| request.name = "n".repeat(257)),
        ("name", |request| request.name = "n\0".into()),
        ("name", |request| request.name = "two\nlines".into()),
        ("type", |request| request.r#type = 0),
        ("type", |request| request.r#type = 7),
        ("type", |request| request.r#type = -1),
        ("options", |request| request.options = vec!["Open".into()]),
        ("options", |request| with_options(request, &[])),
        ("options", |request| {
            with_options(request, &[]);
            request.options = (0..101).map(|number| number.to_string()).collect();
        }),
        ("options[1]", |request| with_options(request, &["a", " "])),
        ("options[0]", |request| with_options(request, &[&"o".repeat(257)])),
        ("options[0]", |request| with_options(request, &["o\0"])),
        ("options[2]", |request| with_options(request, &["Open", "new", " OPEN "])),
    ]
}

/// The paths at fault, in the order in which they are named.
fn paths(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert!(violations.iter().all(|violation| !violation.description.is_empty()));
    violations.iter().map(|violation| violation.field.clone()).collect()
}

async fn field(clients: &Clients, name: &str, field_type: ContactFieldType) -> String {
    create(clients, "acme", name, field_type, &[]).await.unwrap().contact_field_id
}

/// A mapping as numbers and texts that may mean nothing.
fn raw(ticket_field: i32, contact_field_id: &str) -> FieldMapping {
    FieldMapping { ticket_field, contact_field_id: contact_field_id.into() }
}

async fn refused(clients: &Clients, to: &Connected, mappings: Vec<FieldMapping>) -> Status {
    let Connected { account_id, connection_id } = to.clone();
    let field_mappings = mappings;
    let request = UpdateFieldMappingsRequest { account_id, connection_id, field_mappings };
    clients.connections.clone().update_field_mappings(request).await.unwrap_err()
}

on_both_engines! {
    async fn a_bad_contact_field_is_refused_by_the_path_of_its_field(db: Database) {
        let (_service, clients, _) = setting(&db).await;
        let before = rows(&db).await;
        for (path, spoil) in field_cases() {
            let mut request = CreateContactFieldRequest {
                account_id: "acme".into(),
                name: "Last ticket".into(),
                r#type: ContactFieldType::Text.into(),
                options: vec![],
            };
            spoil(&mut request);
            let refused = clients.fields.clone().create_contact_field(request).await;
            assert_refuses(&refused.expect_err(path), path);
        }
        for (account_id, field, path) in [
            ("", NO_FIELD, "account_id"),
            ("acme", "", "contact_field_id"),
            ("acme", "subject", "contact_field_id"),
        ] {
            let request = DeleteContactFieldRequest {
                account_id: account_id.into(),
                contact_field_id: field.into(),
            };
            let refused = clients.fields.clone().delete_contact_field(request).await;
            assert_refuses(&refused.expect_err(path), path);
        }
        for (account_id, page_size, page_token, path) in [
            ("", 0, "", "account_id"),
            ("acme", -1, "", "page_size"),
            ("acme", 1_001, "", "page_size"),
            ("acme", 0, "no token", "page_token"),
        ] {
            let request = ListContactFieldsRequest {
                account_id: account_id.into(),
                page_size,
                page_token: page_token.into(),
            };
            let refused = clients.fields.clone().list_contact_fields(request).await;
            assert_refuses(&refused.expect_err(path), path);
        }
        assert_eq!(rows(&db).await, before, "nothing is stored");
        let at_the_limit = "n".repeat(256);
        field(&clients, &at_the_limit, ContactFieldType::Text).await;
    }

    async fn a_bad_mapping_is_refused_by_its_path_and_the_old_ones_stay(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let text = field(&clients, "text", ContactFieldType::Text).await;
        let number = field(&clients, "number", ContactFieldType::Number).await;
        let old = update(&clients, &to, &[(TicketField::Id, &number)]).await.unwrap();
        let before = rows(&db).await;
        let status = i32::from(TicketField::Status);
        for (path, bad) in [
            ("field_mappings[1].ticket_field", raw(0, &number)),
            ("field_mappings[1].ticket_field", raw(23, &number)),
            ("field_mappings[1].ticket_field", raw(-1, &number)),
            ("field_mappings[1].contact_field_id", raw(2, "")),
            ("field_mappings[1].contact_field_id", raw(2, "number")),
            ("field_mappings[1].contact_field_id", raw(status, &number)),
            ("field_mappings[1].contact_field_id", raw(3, &text)),
            ("field_mappings[1].contact_field_id", raw(status, &text)),
        ] {
            let refused = refused(&clients, &to, vec![raw(status, &text), bad]).await;
            assert_refuses(&refused, path);
        }
        let many = vec![raw(status, &text); 101];
        assert_refuses(&refused(&clients, &to, many).await, "field_mappings");
        let unknown = Connected { connection_id: NO_FIELD.into(), ..to.clone() };
        for to in [unknown, Connected { account_id: "other".into(), ..to.clone() }] {
            let refused = refused(&clients, &to, vec![]).await;
            assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "CONNECTION_NOT_FOUND".into()));
        }
        assert_eq!(rows(&db).await, before);
        let same = update(&clients, &to, &[(TicketField::Id, &number)]).await.unwrap();
        assert_eq!(same, old);
    }

    async fn every_mapping_at_fault_is_named(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let text = field(&clients, "text", ContactFieldType::Text).await;
        let date = field(&clients, "date", ContactFieldType::Date).await;
        let other = create(&clients, "other", "text", ContactFieldType::Text, &[]).await.unwrap();
        let foreign = other.contact_field_id.as_str();
        // Of fields that are not there nothing else can be said, so that they are named alone.
        let mapped = mappings(&[
            (TicketField::Id, NO_FIELD),
            (TicketField::Subject, &date),
            (TicketField::Url, &text),
            (TicketField::Subject, foreign),
        ]);
        let missing = refused(&clients, &to, mapped).await;
        assert_eq!((missing.code(), reason(&missing)), (Code::NotFound, "CONTACT_FIELD_NOT_FOUND".into()));
        assert_eq!(paths(&missing), [0, 3].map(|n| format!("field_mappings[{n}].contact_field_id")));
        let mapped = mappings(&[(TicketField::Description, &text), (TicketField::Status, &date)]);
        let unfit = refused(&clients, &to, mapped).await;
        assert_eq!((unfit.code(), reason(&unfit)), (Code::InvalidArgument, "INVALID_FIELD".into()));
        assert_eq!(paths(&unfit), [0, 1].map(|n| format!("field_mappings[{n}].contact_field_id")));
        assert!(unfit.message().contains("`description` does not fit"), "{}", unfit.message());
    }

    async fn a_dropdown_takes_a_closed_list_that_it_has_all_options_of(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let dropdown = async |name: &str, options: &[&str]| {
            let made = create(&clients, "acme", name, ContactFieldType::Dropdown, options).await;
            made.unwrap().contact_field_id
        };
        let few = dropdown("few", &["new", "open", "pending", "solved", "closed"]).await;
        let all = dropdown("all", &["New", "Open", "Pending", "Hold", "Solved", "Closed"]).await;
        let refused = refused(&clients, &to, mappings(&[(TicketField::Status, &few)])).await;
        assert_refuses(&refused, "field_mappings[0].contact_field_id");
        assert!(refused.message().ends_with("lacks options that `status` needs: hold"));
        update(&clients, &to, &[(TicketField::Status, &all)]).await.unwrap();
    }

    async fn a_hundred_mappings_are_taken_and_ten_of_one_ticket_field(db: Database) {
        let (_service, clients, to) = setting(&db).await;
        let mut mapped = Vec::new();
        for number in 0..100 {
            let to = field(&clients, &format!("f{number}"), ContactFieldType::Text).await;
            mapped.push(raw(10 + number / 10, &to));
        }
        let Connected { account_id, connection_id } = to.clone();
        let request = UpdateFieldMappingsRequest {
            account_id,
            connection_id,
            field_mappings: mapped.clone(),
        };
        let taken = clients.connections.clone().update_field_mappings(request).await.unwrap();
        assert_eq!(taken.into_inner().field_mappings, mapped);
        mapped[99].ticket_field = 10;
        let often = refused(&clients, &to, mapped).await;
        assert_refuses(&often, "field_mappings[99].ticket_field");
    }
}
