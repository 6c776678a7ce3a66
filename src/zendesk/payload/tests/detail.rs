//! What is told of a new ticket, in all the ways in which its fields are written.

use super::*;

fn detail(event: &Value) -> CreatedDetail {
    hint(event).detail.unwrap()
}

#[test]
fn an_id_that_says_none_is_none() {
    for value in [json!(null), json!(""), json!("0"), json!(0)] {
        let none = Some(Given::None);
        assert_eq!(detail(&detailed("assignee_id", &value)).assignee_id, none, "{value}");
        assert_eq!(detail(&detailed("brand_id", &value)).brand_id, none, "{value}");
        assert_eq!(detail(&detailed("group_id", &value)).group_id, none, "{value}");
        assert_eq!(detail(&detailed("organization_id", &value)).organization_id, none, "{value}");
        assert_eq!(detail(&detailed("submitter_id", &value)).submitter_id, none, "{value}");
        assert_eq!(detail(&detailed("form_id", &value)).ticket_form_id, none, "{value}");
        // Every ticket has a requester.
        assert_eq!(detail(&detailed("requester_id", &value)).requester_id, None, "{value}");
    }
    assert_eq!(
        detail(&detailed("assignee_id", &json!(42))).assignee_id,
        Some(Given::Value(number(42)))
    );
}

#[test]
fn a_word_is_read_in_either_case_and_an_unknown_one_left_out() {
    for (status, read) in [
        (json!("NEW"), Some(Status::New)),
        (json!("hold"), Some(Status::Hold)),
        (json!("Closed"), Some(Status::Closed)),
        (json!("DELETED"), None),
        (json!("ARCHIVED"), None),
        (json!("SCRUBBED"), None),
        (json!("ON FIRE"), None),
        (json!(null), None),
        (json!(3), None),
    ] {
        assert_eq!(detail(&detailed("status", &status)).status, read, "{status}");
    }
    for (priority, read) in [
        (json!("URGENT"), Some(Given::Value(TicketPriority::Urgent))),
        (json!("low"), Some(Given::Value(TicketPriority::Low))),
        (json!(null), Some(Given::None)),
        (json!(""), Some(Given::None)),
        (json!("CRITICAL"), None),
        (json!(1), None),
    ] {
        assert_eq!(detail(&detailed("priority", &priority)).priority, read, "{priority}");
    }
    for (ticket_type, read) in [
        (json!("TASK"), Some(Given::Value(TicketType::Task))),
        (json!(null), Some(Given::None)),
        (json!("RIDDLE"), None),
    ] {
        assert_eq!(detail(&detailed("type", &ticket_type)).ticket_type, read, "{ticket_type}");
    }
}

#[test]
fn a_text_that_does_not_fit_is_left_out_and_the_hint_stays() {
    let line = "é".repeat(Ticket::MAX_LINE_BYTES / 2);
    let description = "a".repeat(Ticket::MAX_DESCRIPTION_BYTES);
    for (subject, read) in [
        (json!(line), Some(line.as_str())),
        (json!(format!("{line}a")), None),
        (json!("nul\u{0}s\u{0}"), Some("nuls")),
        (json!(""), Some("")),
        (json!(null), None),
        (json!(5), None),
    ] {
        let detail = detail(&detailed("subject", &subject));
        assert_eq!(detail.subject.as_deref(), read, "{subject}");
        assert_eq!(detail.status, Some(Status::Open));
    }
    assert!(detail(&detailed("description", &json!(description))).description.is_some());
    let longer = json!(format!("{description}a"));
    assert!(detail(&detailed("description", &longer)).description.is_none());
    for (external_id, read) in [
        (json!("0"), Some(Given::Value("0".to_owned()))),
        (json!(""), Some(Given::None)),
        (json!(null), Some(Given::None)),
        (json!("\u{0}"), Some(Given::None)),
        (json!(format!("{line}a")), None),
    ] {
        let detail = detail(&detailed("external_id", &external_id));
        assert_eq!(detail.external_id, read, "{external_id}");
    }
}

#[test]
fn a_field_that_is_missing_is_not_one_that_says_none() {
    let bare = json!({"id": "1", "type": CREATED, "detail": {"id": "5", "priority": null}});
    let detail = detail(&bare);
    assert_eq!((detail.priority, detail.assignee_id), (Some(Given::None), None));
}

#[test]
fn what_is_told_of_a_new_ticket_survives_being_stored() {
    for event in [event(), detailed("priority", &json!(null)), detailed("external_id", &json!(""))]
    {
        let detail = detail(&event);
        let stored = serde_json::to_string(&detail).unwrap();
        assert_eq!(serde_json::from_str::<CreatedDetail>(&stored).unwrap(), detail, "{stored}");
    }
    assert_eq!(serde_json::to_string(&CreatedDetail::default()).unwrap(), "{}");
}
