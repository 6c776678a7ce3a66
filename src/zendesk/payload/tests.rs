//! Every oddity that webhooks' bodies are known for.

mod detail;

use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{EventSource, TicketPriority, TicketType, Timestamp, ZendeskId},
    zendesk::subscriptions,
};

const CREATED: &str = "zen:event-type:ticket.created";
/// 2025-01-08T10:12:07Z.
const SECOND_MICROS: i64 = 1_736_331_127_000_000;

/// A whole event, as it is documented.
fn event() -> Value {
    json!({
        "account_id": 22_129_848,
        "id": "cbe4028c-7239-495d-b020-f22348516046",
        "subject": "zen:ticket:12345678901234",
        "time": "2025-01-08T10:12:07.672717030Z",
        "type": CREATED,
        "zendesk_event_version": "2022-11-06",
        "event": {"meta": {"sequence": {"id": "01JH2"}}},
        "detail": {
            "actor_id": "8447388090494",
            "assignee_id": "8447388090495",
            "brand_id": "8447346621310",
            "created_at": "2025-01-08T10:12:06Z",
            "custom_status": null,
            "description": "It is on fire.",
            "external_id": "order-7",
            "form_id": "8646151517822",
            "group_id": "8447320466430",
            "id": "12345678901234",
            "is_public": true,
            "organization_id": "8447346622462",
            "priority": "HIGH",
            "requester_id": "8447388090496",
            "status": "OPEN",
            "subject": "The printer",
            "submitter_id": "8447388090497",
            "tags": ["printer"],
            "type": "INCIDENT",
            "updated_at": "2025-01-08T10:12:07Z",
            "via": {"channel": "web_service"},
        },
    })
}

/// The whole event with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = event();
    change(&mut event);
    event
}

/// The whole event with one field of its detail another way.
fn detailed(field: &str, value: &Value) -> Value {
    changed(|event| event["detail"][field] = value.clone())
}

fn parse(event: &Value) -> Result<Delivery, Malformed> {
    Delivery::parse(event.to_string().as_bytes())
}

fn hint(event: &Value) -> Hint {
    match parse(event) {
        Ok(Delivery::Hint(hint)) => *hint,
        other => panic!("{event}: {other:?}"),
    }
}

fn field_at_fault(event: &Value) -> &'static str {
    parse(event).unwrap_err().field
}

fn number(id: i64) -> ZendeskId {
    ZendeskId::try_from(id).unwrap()
}

fn micros(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

#[test]
fn a_whole_event_is_read_whole() {
    let expected = Hint {
        id: EventId::try_from("zendesk cbe4028c-7239-495d-b020-f22348516046".to_owned()).unwrap(),
        ticket_id: number(12_345_678_901_234),
        kind: HintKind::Created,
        occurred_at: Some(micros(SECOND_MICROS + 672_717)),
        updated_at: Some(micros(SECOND_MICROS)),
        detail: Some(CreatedDetail {
            status: Some(Status::Open),
            priority: Some(Given::Value(TicketPriority::High)),
            ticket_type: Some(Given::Value(TicketType::Incident)),
            subject: Some("The printer".into()),
            description: Some("It is on fire.".into()),
            assignee_id: Some(Given::Value(number(8_447_388_090_495))),
            brand_id: Some(Given::Value(number(8_447_346_621_310))),
            group_id: Some(Given::Value(number(8_447_320_466_430))),
            organization_id: Some(Given::Value(number(8_447_346_622_462))),
            requester_id: Some(number(8_447_388_090_496)),
            submitter_id: Some(Given::Value(number(8_447_388_090_497))),
            external_id: Some(Given::Value("order-7".into())),
            ticket_form_id: Some(Given::Value(number(8_646_151_517_822))),
            created_at: Some(micros(SECOND_MICROS - 1_000_000)),
            updated_at: Some(micros(SECOND_MICROS)),
        }),
    };
    assert_eq!(hint(&event()), expected);
}

#[test]
fn each_type_that_matters_hints_at_its_kind() {
    for event_type in subscriptions() {
        let hint = hint(&changed(|event| event["type"] = json!(event_type)));
        let kind = match event_type.rsplit('.').next().unwrap() {
            "created" => HintKind::Created,
            "soft_deleted" => HintKind::SoftDeleted,
            "undeleted" => HintKind::Undeleted,
            "permanently_deleted" => HintKind::PermanentlyDeleted,
            _ => HintKind::Changed,
        };
        assert_eq!(hint.kind, kind, "{event_type}");
        assert_eq!(hint.detail.is_some(), kind == HintKind::Created, "{event_type}");
        assert!(hint.updated_at.is_some());
    }
}

#[test]
fn a_type_that_nobody_asked_for_is_of_no_interest_whatever_it_holds() {
    for event in [
        json!({"type": "zen:event-type:ticket.tags_changed"}),
        json!({"type": "zen:event-type:user.created", "id": 1, "detail": []}),
        changed(|event| event["type"] = json!("")),
    ] {
        assert_eq!(parse(&event), Ok(Delivery::OfNoInterest));
    }
}

#[test]
fn nothing_but_the_ids_and_the_type_has_to_be_there() {
    for event in [
        json!({"id": "1", "type": CREATED, "detail": {"id": "5"}}),
        json!({"id": "1", "type": CREATED, "subject": "zen:ticket:5"}),
        json!({"id": "1", "type": CREATED, "subject": "zen:ticket:5", "detail": null, "time": null}),
        json!({"id": "1", "type": CREATED, "subject": "zen:ticket:5", "detail": [], "time": 7}),
        json!({"id": "1", "type": CREATED, "subject": "zen:ticket:5", "detail": "5", "time": ""}),
    ] {
        let hint = hint(&event);
        assert_eq!((hint.ticket_id, hint.occurred_at, hint.updated_at), (number(5), None, None));
        assert_eq!(hint.detail, Some(CreatedDetail::default()));
    }
}

#[test]
fn the_tickets_id_is_a_text_or_a_number_and_else_in_the_subject() {
    let largest = i64::MAX.to_string();
    for (id, ticket_id) in [
        (json!("7"), 7),
        (json!(7), 7),
        (json!(largest), i64::MAX),
        (json!(i64::MAX), i64::MAX),
        (json!(90_071_992_547_409_931_i64), 90_071_992_547_409_931),
        (json!(null), 12_345_678_901_234),
        (json!(""), 12_345_678_901_234),
        (json!("0"), 12_345_678_901_234),
        (json!(0), 12_345_678_901_234),
        (json!("seven"), 12_345_678_901_234),
        (json!(7.5), 12_345_678_901_234),
    ] {
        assert_eq!(hint(&detailed("id", &id)).ticket_id, number(ticket_id), "{id}");
    }
}

#[test]
fn without_a_tickets_id_the_field_is_named() {
    for id in
        [json!(null), json!("0"), json!("-7"), json!("+7"), json!(7.5), json!([7]), json!("7 ")]
    {
        for subject in [
            json!(null),
            json!(7),
            json!("7"),
            json!("zen:ticket:"),
            json!("zen:ticket:0"),
            json!("zen:ticket:x"),
            json!("zen:user:7"),
            json!("zen:ticket:9223372036854775808"),
        ] {
            let event = changed(|event| {
                event["detail"]["id"] = id.clone();
                event["subject"] = subject.clone();
            });
            assert_eq!(field_at_fault(&event), "detail.id", "{id} {subject}");
        }
    }
}

#[test]
fn an_event_id_that_does_not_fit_is_named() {
    for id in
        [json!(null), json!(""), json!("a b"), json!("é"), json!(true), json!("a".repeat(129))]
    {
        assert_eq!(field_at_fault(&changed(|event| event["id"] = id.clone())), "id", "{id}");
    }
    for (id, text) in [(json!("a".repeat(128)), "a".repeat(128)), (json!(77), "77".into())] {
        let hint = hint(&changed(|event| event["id"] = id.clone()));
        assert_eq!((hint.id.source(), hint.id.name()), (EventSource::Zendesk, text.as_str()));
    }
}

#[test]
fn what_is_no_event_is_refused_and_not_quoted() {
    let deep = "[".repeat(100_000);
    for body in ["", "no", "{", r#"{"id":"canary"#, "\u{0}", &deep, "1", "\"canary\"", "null"] {
        let malformed = Delivery::parse(body.as_bytes()).unwrap_err();
        assert_eq!(malformed.to_string(), "body is no JSON object");
    }
    assert_eq!(Delivery::parse(b"\xff{}").unwrap_err().field, "body");
    for body in [json!([]), json!({}), json!({"type": 5}), json!({"type": null})] {
        assert_eq!(field_at_fault(&body), "type", "{body}");
    }
}

#[test]
fn what_no_value_can_hold_costs_the_detail_and_not_the_hint() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for odd in [r#""half a character: \ud83d""#, "1e999", &deep] {
        let body = event().to_string().replace(r#"["printer"]"#, odd);
        assert!(serde_json::from_str::<Value>(&body).is_err());
        let delivery = Delivery::parse(body.as_bytes()).unwrap();
        let Delivery::Hint(hint) = delivery else { panic!("{delivery:?}") };
        assert_eq!(hint.ticket_id, number(12_345_678_901_234));
        assert_eq!(hint.updated_at, Some(micros(SECOND_MICROS)));
        // Elsewhere it costs nothing.
        let body = event().to_string().replace(r#"{"meta":"#, &format!(r#"{{"odd":{odd},"meta":"#));
        let Delivery::Hint(whole) = Delivery::parse(body.as_bytes()).unwrap() else {
            panic!("{body}");
        };
        assert_eq!(*whole, self::hint(&event()));
    }
}

#[test]
fn the_time_has_any_number_of_fractional_digits() {
    for (time, fraction_micros) in [
        ("2025-01-08T10:12:07Z", 0),
        ("2025-01-08T10:12:07.672Z", 672_000),
        ("2025-01-08T10:12:07.672717Z", 672_717),
        ("2025-01-08T10:12:07.672717999Z", 672_717),
        ("2025-01-08T10:12:07.672717999999Z", 672_717),
    ] {
        let hint = hint(&changed(|event| event["time"] = json!(time)));
        assert_eq!(hint.occurred_at, Some(micros(SECOND_MICROS + fraction_micros)), "{time}");
    }
    for time in [json!("yesterday"), json!(1_736_331_127), json!({})] {
        let hint = hint(&changed(|event| event["time"] = time.clone()));
        assert_eq!(hint.occurred_at, None, "{time}");
    }
}

#[test]
fn no_text_of_a_customers_shows_in_debug() {
    let shown = format!("{:?}", parse(&event()));
    assert!(!shown.contains("printer") && !shown.contains("fire"), "{shown}");
}
