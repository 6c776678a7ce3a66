//! The export of changed tickets: its pages, its cursor, and a cursor that does not move.

use serde_json::{Value, json};
use ticketsync::{
    domain::{ExportCursor, ExportedTicket, Presence, Timestamp},
    zendesk::{Error, ExportEnd, ExportFrom, ExportPage, Rate, Result},
};

use super::{Desk, acme, id, ticket, token};
use crate::support::Reply;

/// 2025-01-08T10:12:07Z.
const UPDATED_AT_MICROS: i64 = 1_736_331_127_000_000;

fn cursor(cursor: &str) -> ExportCursor {
    ExportCursor::try_from(cursor.to_owned()).unwrap()
}

fn at(text: &str) -> ExportFrom {
    ExportFrom::Cursor(cursor(text))
}

async fn export(desk: &Desk, from: ExportFrom) -> Result<ExportPage> {
    desk.client.export(&acme(), &token(), &from).await
}

async fn answered(reply: Reply, from: ExportFrom) -> Result<ExportPage> {
    export(&Desk::start([reply]).await, from).await
}

fn body(tickets: &[Value], after: &Value, end: bool) -> Reply {
    Reply::json(&json!({
        "tickets": tickets,
        "after_cursor": after,
        "after_url": "https://elsewhere.example.com/",
        "before_cursor": null,
        "end_of_stream": end,
    }))
}

#[tokio::test]
async fn an_export_begins_at_a_time_and_goes_on_at_its_cursor() {
    let odd = "MTU3NjYx+/&a=b#c%==";
    let desk = Desk::start([
        body(&[ticket(5)], &json!(odd), false)
            .header("X-Rate-Limit", "10")
            .header("X-Rate-Limit-Remaining", "9"),
        body(&[], &json!(odd), true),
    ])
    .await;
    let since = Timestamp::from_micros(UPDATED_AT_MICROS + 999_999).unwrap();
    let page = export(&desk, ExportFrom::Time(since)).await.unwrap();
    let updated_at = Timestamp::from_micros(UPDATED_AT_MICROS).unwrap();
    let expected = ExportedTicket {
        ticket_id: id(5),
        created_at: Some(updated_at.minus(std::time::Duration::from_secs(1))),
        updated_at: Some(updated_at),
        presence: Presence::Present,
    };
    assert_eq!(page.tickets, [expected]);
    assert_eq!((page.end, page.rate), (ExportEnd::Ahead, Some(Rate { limit: 10, remaining: 9 })));

    let after = page.after_cursor.unwrap();
    assert_eq!(after, cursor(odd));
    let end = export(&desk, ExportFrom::Cursor(after)).await.unwrap();
    assert_eq!((end.tickets.len(), end.end), (0, ExportEnd::Reached));
    assert_eq!(
        desk.paths(),
        [
            "GET /acme/api/v2/incremental/tickets/cursor.json?start_time=1736331127",
            "GET /acme/api/v2/incremental/tickets/cursor.json?cursor=MTU3NjYx%2B%2F%26a%3Db%23c%25%3D%3D",
        ]
    );
}

#[tokio::test]
async fn deleted_tickets_and_tickets_of_which_little_is_told_are_named() {
    let mut deleted = ticket(12_345_678_901_234);
    deleted["status"] = json!("deleted");
    let bare = json!({"id": 7, "created_at": null, "updated_at": "soon", "status": null});
    let page = answered(body(&[deleted, bare], &json!("a"), true), at("b")).await.unwrap();
    let [deleted, bare] = page.tickets[..] else { panic!("{:?}", page.tickets) };
    assert_eq!(deleted.ticket_id, id(12_345_678_901_234));
    assert_eq!(deleted.presence, Presence::Deleted);
    let presence = Presence::Present;
    let nothing = ExportedTicket { ticket_id: id(7), created_at: None, updated_at: None, presence };
    assert_eq!(bare, nothing);
}

#[tokio::test]
async fn a_cursor_that_does_not_advance_is_an_error_unless_it_is_the_end() {
    let stuck = body(&[ticket(5)], &json!("here"), false);
    assert_eq!(answered(stuck, at("here")).await.unwrap_err(), Error::CursorStuck);
    let end = answered(body(&[], &json!("here"), true), at("here")).await.unwrap();
    assert_eq!((end.end, end.after_cursor), (ExportEnd::Reached, Some(cursor("here"))));
    let nowhere = answered(body(&[], &Value::Null, true), at("here")).await.unwrap();
    assert_eq!(nowhere.after_cursor, None);
}

#[tokio::test]
async fn a_time_that_is_too_recent_has_its_own_error() {
    let body = r#"{"error":"StartTimeTooRecent","description":"Too recent start_time."}"#;
    let from = || ExportFrom::Time(Timestamp::EPOCH);
    assert_eq!(
        answered(Reply::new(400, body), from()).await.unwrap_err(),
        Error::StartTimeTooRecent
    );
    for (status, body) in [(400, r#"{"error":"InvalidValue"}"#), (422, body)] {
        let error = answered(Reply::new(status, body), from()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_page_that_does_not_say_where_it_leads_is_refused() {
    let whole = json!({"tickets": [ticket(5)], "after_cursor": "a", "end_of_stream": false});
    let long = "a".repeat(1_025);
    for (field, value) in [
        ("after_cursor", json!(null)),
        ("after_cursor", json!("")),
        ("after_cursor", json!("a b")),
        ("after_cursor", json!("a\r\nHost: elsewhere")),
        ("after_cursor", json!("é")),
        ("after_cursor", json!(5)),
        ("after_cursor", json!(long)),
        ("end_of_stream", json!(null)),
        ("end_of_stream", json!("false")),
        ("tickets", json!(null)),
        ("tickets", json!([{"id": null}])),
        ("tickets", json!([{"id": 1.5}])),
        ("tickets", json!(["5"])),
    ] {
        let mut odd = whole.clone();
        odd[field] = value.clone();
        let error = answered(Reply::json(&odd), at("b")).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{field} {value}: {error}");
    }
    assert!(answered(Reply::json(&whole), at("b")).await.is_ok());
}
