//! What is no answer: refusals, limits, outages, redirects, answers without end.

use std::time::Duration;

use serde_json::json;
use ticketsync::zendesk::{Error, MAX_RETRY_AFTER};

use super::{Desk, TOKEN, page, ticket, user};
use crate::support::{Reply, ReplyEnd};

/// How long these tests let a call take: long for loopback, short for who waits.
const HURRY: Duration = Duration::from_millis(300);
/// More than is read of any answer about tickets.
const OVERSIZE_BYTES: usize = 33 * 1024 * 1024;

async fn error(reply: Reply) -> Error {
    let desk = Desk::start([reply]).await;
    let error = desk.tickets(&[5]).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(TOKEN));
    error
}

fn unavailable(cause: &str) -> Error {
    Error::Unavailable { cause: cause.into(), retry_after: None }
}

#[tokio::test]
async fn each_refusal_is_told_apart() {
    let record_not_found = r#"{"error":"RecordNotFound","description":"Not found"}"#;
    let word = |word: &str| word.to_owned();
    for (status, expected) in [
        (401, Error::Unauthorized { error: word("RecordNotFound") }),
        (403, Error::Forbidden { error: word("RecordNotFound") }),
        (404, Error::NotFound { error: word("RecordNotFound") }),
        (400, Error::Refused { status: 400, error: word("RecordNotFound") }),
        (422, Error::Refused { status: 422, error: word("RecordNotFound") }),
    ] {
        assert_eq!(error(Reply::new(status, record_not_found)).await, expected);
    }
    assert!(error(Reply::new(401, "")).await.is_unauthorized());
    assert!(!error(Reply::new(403, "")).await.is_unauthorized());
}

#[tokio::test]
async fn an_error_that_is_an_object_or_no_word_is_not_repeated() {
    for body in [
        r#"{"error":{"title":"Forbidden","message":"You do not have access"}}"#,
        r#"{"error":"leaked 1234"}"#,
        r#"{"error":null}"#,
        "<html>forbidden</html>",
        r#"{"error":"trunc"#,
        "",
    ] {
        let expected = Error::Forbidden { error: "no error word".into() };
        assert_eq!(error(Reply::new(403, body)).await, expected, "{body}");
    }
    let endless = Reply::new(404, vec![b' '; OVERSIZE_BYTES]);
    assert_eq!(error(endless).await, Error::NotFound { error: "no error word".into() });
}

#[tokio::test]
async fn over_the_limit_the_wait_is_told_whatever_the_body() {
    for (retry_after, seconds) in [
        (Some("93"), 93),
        (Some(" 7 "), 7),
        (Some("0"), 1),
        (Some("300"), 300),
        (Some("86400"), MAX_RETRY_AFTER.as_secs()),
        (Some("18446744073709551615"), MAX_RETRY_AFTER.as_secs()),
        (Some("18446744073709551616"), 60),
        (Some("-1"), 60),
        (Some("1.5"), 60),
        (Some("Wed, 08 Jan 2025 10:12:07 GMT"), 60),
        (Some(""), 60),
        (None, 60),
    ] {
        let mut reply = Reply::new(429, "Number of allowed API requests per minute exceeded");
        if let Some(retry_after) = retry_after {
            reply = reply.header("Retry-After", retry_after);
        }
        let limited = Error::Limited { retry_after: Duration::from_secs(seconds) };
        let error = error(reply).await;
        assert_eq!(error, limited, "{retry_after:?}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
    }
}

#[tokio::test]
async fn an_outage_tells_the_wait_where_zendesk_does() {
    for status in [408, 500, 502, 503, 504, 599] {
        let cause = format!("status {status}");
        assert_eq!(error(Reply::new(status, "<html>")).await, unavailable(&cause));
        let waiting = Reply::new(status, "").header("Retry-After", "20");
        let retry_after = Some(Duration::from_secs(20));
        assert_eq!(error(waiting).await, Error::Unavailable { cause, retry_after });
    }
}

#[tokio::test]
async fn no_answer_leads_to_another_address() {
    let elsewhere = Desk::start([]).await;
    let address = format!("http://{}/elsewhere", elsewhere.script.address);
    let mut leading = ticket(5);
    leading["url"] = json!(address);
    let leading = json!({
        "tickets": [leading],
        "users": [user(35_436)],
        "next_page": address,
        "previous_page": address,
        "url": address,
    });
    let reply = Reply::json(&leading)
        .header("Link", format!("<{address}>; rel=\"next\""))
        .header("Refresh", format!("0; url={address}"));
    let desk = Desk::start([reply]).await;
    assert_eq!(desk.tickets(&[5]).await.unwrap().tickets.len(), 1);
    assert_eq!(desk.asked().len(), 1);
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let limit_bytes = 32 * 1024 * 1024;
    let oversize = Reply::new(200, vec![b' '; OVERSIZE_BYTES]);
    assert_eq!(error(oversize.clone()).await, Error::TooLarge { limit_bytes });
    // With nothing to follow it would wait for ever if it read on.
    assert_eq!(error(oversize.ending(ReplyEnd::Hang)).await, Error::TooLarge { limit_bytes });
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_json_is_none() {
    let whole = page(&[ticket(5)], &[user(35_436)]);
    let undocumented = unavailable("an answer that is not as documented");
    for length in [0, 1, whole.body.len() / 2, whole.body.len() - 1] {
        let short = Reply { body: whole.body[..length].to_vec(), ..whole.clone() };
        assert_eq!(error(short).await, undocumented, "{length} bytes");
    }
    let cut = Reply { end: ReplyEnd::Cut, ..whole.clone() };
    assert_eq!(error(cut).await, unavailable("the call broke off"));
    let not_text = Reply::new(200, b"{\"tickets\":[],\"users\":\"\xff\"}".to_vec());
    assert_eq!(error(not_text).await, undocumented);
    for status in [201, 202, 204] {
        let other = Reply { status, ..whole.clone() };
        assert_eq!(error(other).await, unavailable(&format!("status {status}")));
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let desk = Desk::within(HURRY, [Reply::new(200, "{").ending(ReplyEnd::Hang)]).await;
    assert_eq!(desk.tickets(&[5]).await.unwrap_err(), unavailable("no answer in time"));
}

#[tokio::test]
async fn a_zendesk_that_is_not_there_is_unavailable() {
    let desk = Desk::start([]).await;
    let gone = desk.client.clone();
    drop(desk);
    let ids = [super::id(5)];
    let error = gone.show_tickets(&super::acme(), &super::token(), &ids).await.unwrap_err();
    assert_eq!(error, unavailable("no connection"));
}
