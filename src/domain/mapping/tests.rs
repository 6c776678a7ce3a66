//! Every ticket field beside every type of contact field.

use std::sync::LazyLock;

use super::*;
use crate::domain::{Label, Timestamp, ZendeskId};

fn options(words: &[&str]) -> ContactFieldType {
    let label = |word: &&str| Label::try_from((*word).to_owned()).unwrap();
    ContactFieldType::Dropdown(words.iter().map(label).collect())
}

fn id(id: i64) -> ZendeskId {
    id.try_into().unwrap()
}

/// 2025-01-01T23:30:00.5Z.
fn moment() -> Timestamp {
    Timestamp::from_micros(1_735_774_200_500_000).unwrap()
}

fn ticket() -> Ticket {
    Ticket {
        status: Status::Hold,
        id: id(9_007_199_254_740_993),
        priority: Some(TicketPriority::High),
        ticket_type: None,
        updated_at: moment(),
        assignee_id: None,
        brand_id: Some(id(7)),
        created_at: moment(),
        description: "one\r\n\r\ntwo\n".into(),
        due_at: None,
        external_id: Some(String::new()),
        forum_topic_id: None,
        group_id: None,
        organization_id: None,
        problem_id: None,
        raw_subject: "{{dc.me}}\nagain".into(),
        recipient: None,
        requester_id: id(8),
        subject: String::new(),
        submitter_id: None,
        ticket_form_id: None,
        url: "https://acme.zendesk.com/api/v2/tickets/1.json".into(),
    }
}

fn copied(from: TicketField, field_type: ContactFieldType) -> Option<String> {
    let to = ContactFieldId::after(None, moment(), [0; 10]);
    FieldCopy { from, to, field_type }.value(&ticket())
}

const INTEGERS: [TicketField; 10] = [
    TicketField::Id,
    TicketField::AssigneeId,
    TicketField::BrandId,
    TicketField::ForumTopicId,
    TicketField::GroupId,
    TicketField::OrganizationId,
    TicketField::ProblemId,
    TicketField::RequesterId,
    TicketField::SubmitterId,
    TicketField::TicketFormId,
];
const TIMES: [TicketField; 3] =
    [TicketField::UpdatedAt, TicketField::CreatedAt, TicketField::DueAt];

/// A dropdown with every word of every closed list.
static WORDS: LazyLock<ContactFieldType> = LazyLock::new(|| {
    options(&[
        "new", "OPEN", "Pending", "hold", "solved", "closed", "low", "normal", "high", "urgent",
        "problem", "incident", "question", "task", "other",
    ])
});

#[test]
fn every_ticket_field_fits_the_types_that_can_hold_it_and_no_other() {
    for field in TicketField::ALL {
        let enumerated =
            [TicketField::Status, TicketField::Priority, TicketField::Type].contains(&field);
        for (field_type, fitting) in [
            (ContactFieldType::Text, field != TicketField::Description),
            (ContactFieldType::Textarea, true),
            (ContactFieldType::Number, INTEGERS.contains(&field)),
            (ContactFieldType::Date, TIMES.contains(&field)),
            (ContactFieldType::Datetime, TIMES.contains(&field)),
            (WORDS.clone(), enumerated),
        ] {
            let word = field_type.as_str();
            assert_eq!(fits(field, &field_type).is_ok(), fitting, "{} to {word}", field.key());
        }
    }
}

#[test]
fn a_dropdown_needs_every_word_that_can_be_written_as_an_option() {
    let few = options(&["New", "Open", "Pending", "Solved", "Closed"]);
    let problem = fits(TicketField::Status, &few).unwrap_err().0;
    assert_eq!(problem, "lacks options that `status` needs: hold");
    let problem = fits(TicketField::Type, &options(&["task"])).unwrap_err().0;
    assert_eq!(problem, "lacks options that `type` needs: problem, incident, question");
    let no_deletions = options(&["new", "open", "pending", "hold", "solved", "closed"]);
    assert_eq!(fits(TicketField::Status, &no_deletions), Ok(()));
}

#[test]
fn a_value_is_written_as_its_contact_field_s_type_demands() {
    use ContactFieldType::{Date, Datetime, Number, Text, Textarea};
    for (from, field_type, expected) in [
        (TicketField::Id, Number, Some("9007199254740993")),
        (TicketField::Id, Text, Some("9007199254740993")),
        (TicketField::Status, Text, Some("hold")),
        (TicketField::Status, options(&["Hold!", "HOLD"]), Some("HOLD")),
        (TicketField::Priority, WORDS.clone(), Some("high")),
        (TicketField::UpdatedAt, Date, Some("2025-01-01")),
        (TicketField::UpdatedAt, Datetime, Some("2025-01-01T23:30:00.5Z")),
        (TicketField::UpdatedAt, Text, Some("2025-01-01T23:30:00.5Z")),
        (TicketField::Description, Textarea, Some("one\r\n\r\ntwo\n")),
        (TicketField::RawSubject, Text, Some("{{dc.me}} again")),
        (TicketField::RawSubject, Textarea, Some("{{dc.me}}\nagain")),
    ] {
        let word = field_type.as_str();
        assert_eq!(copied(from, field_type).as_deref(), expected, "{} to {word}", from.key());
    }
}

#[test]
fn a_field_without_a_value_and_an_empty_text_are_none() {
    for field in [
        TicketField::Type,
        TicketField::AssigneeId,
        TicketField::DueAt,
        TicketField::ExternalId,
        TicketField::Subject,
    ] {
        assert_eq!(copied(field, ContactFieldType::Textarea), None, "{}", field.key());
    }
    assert_eq!(one_line("\r\n\n"), "");
}

#[test]
fn a_second_source_for_a_contact_field_is_told_by_its_place() {
    let to = |millis: i64| {
        let at = Timestamp::from_micros(millis * 1_000).unwrap();
        ContactFieldId::after(None, at, [0; 10])
    };
    let from = |from, millis| FieldMapping { from, to: to(millis) };
    let mappings = [
        from(TicketField::Status, 1),
        from(TicketField::Status, 2),
        from(TicketField::Priority, 1),
        from(TicketField::Status, 1),
    ];
    let faults = repeated(&mappings);
    let problem = Invalid::new("has a source already: the mapping number 1");
    let kind = MappingFaultKind::ContactField(problem);
    let expected = [2, 3].map(|index| MappingFault { index, kind: kind.clone() });
    assert_eq!(faults, expected);

    let often: Vec<_> = (0..=10).map(|to| from(TicketField::Url, to)).collect();
    let [fault] = &repeated(&often)[..] else { panic!("one is too many") };
    assert_eq!(fault.index, MAX_COPIES);
    assert!(matches!(&fault.kind, MappingFaultKind::TicketField(_)));
    assert_eq!(repeated(&often[..MAX_COPIES]), []);
}
