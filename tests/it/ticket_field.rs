//! The 22 fields of a ticket: the contract's table, its messages and the domain name the same ones.

use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet};
use ticketsync::{
    domain::TicketField,
    proto::{
        DESCRIPTORS,
        v1::{self as pb, TICKET_FIELDS, TicketFieldRow},
    },
};

/// The fields in their order, as Zendesk names them.
const KEYS: [&str; 22] = [
    "status",
    "id",
    "priority",
    "type",
    "updated_at",
    "assignee_id",
    "brand_id",
    "created_at",
    "description",
    "due_at",
    "external_id",
    "forum_topic_id",
    "group_id",
    "organization_id",
    "problem_id",
    "raw_subject",
    "recipient",
    "requester_id",
    "subject",
    "submitter_id",
    "ticket_form_id",
    "url",
];

/// A message of the contract, as its descriptors tell it.
fn descriptor(name: &str) -> DescriptorProto {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let ours = files.into_iter().filter(|file| file.package() == "ticketsync.v1");
    let mut messages = ours.flat_map(|file| file.message_type);
    messages.find(|message| message.name() == name).expect("a message of this name")
}

fn row(key: &str) -> &'static TicketFieldRow {
    TICKET_FIELDS.iter().find(|row| row.key == key).unwrap()
}

#[test]
fn the_contracts_table_and_the_domain_name_the_same_22_fields_in_the_same_order() {
    assert_eq!(TICKET_FIELDS.map(|row| row.key), KEYS);
    assert_eq!(TicketField::ALL.map(TicketField::key), KEYS);
    assert!(TICKET_FIELDS.iter().map(|row| row.number).eq(1..=22));
    let numbers = TicketField::ALL.map(|field| i32::from(pb::TicketField::from(field)));
    assert!(numbers.into_iter().eq(1..=22), "a field of the domain has another one's number");
}

#[test]
fn a_fields_number_in_a_ticket_is_its_number_in_the_table() {
    let fields = descriptor("Ticket").field;
    let numbered = fields.iter().map(|field| (field.number(), field.name()));
    assert!(numbered.eq((1..=22).zip(KEYS)), "{fields:?}");
}

#[test]
fn a_ticket_object_shows_five_columns_under_their_own_labels() {
    let columns = TICKET_FIELDS.iter().filter(|row| row.object_column);
    let columns: Vec<_> =
        columns.map(|row| (row.key, row.column_label_nl, row.column_label_en)).collect();
    assert_eq!(
        columns,
        [
            ("status", "Status", "Status"),
            ("id", "Ticket-id", "Ticket ID"),
            ("priority", "Prioriteit", "Priority"),
            ("type", "Type", "Type"),
            ("updated_at", "Bijgewerkt om", "Last updated"),
        ]
    );
}

#[test]
fn every_field_has_its_labels_two_of_which_are_the_same_in_dutch() {
    for row in TICKET_FIELDS {
        assert!(!row.label_nl.is_empty() && !row.label_en.is_empty(), "{row:?}");
    }
    assert_eq!(
        (row("id").label_nl, row("updated_at").label_nl),
        ("Ticket ID", "Laatst bijgewerkt")
    );
    let topics: Vec<_> = TICKET_FIELDS.iter().filter(|row| row.label_nl == "Onderwerp").collect();
    let topics: Vec<_> = topics.iter().map(|row| (row.key, row.label_en)).collect();
    assert_eq!(topics, [("forum_topic_id", "Topic"), ("raw_subject", "Raw subject")]);
}
