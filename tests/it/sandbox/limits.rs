//! The rate limits of the small Zendesk.

use std::time::Duration;

use reqwest::{Method, Response};
use ticketsync::sandbox::zendesk::{DeskOptions, Pace, Switches};

use super::desk::{HelpDesk, letter};
use crate::support::eventually;

const TICKETS: &str = "/api/v2/tickets/show_many?ids=1";
const EXPORT: &str = "/api/v2/incremental/tickets/cursor.json?start_time=946684800";

async fn limited(calls: Option<u32>, exports: Option<u32>, minute: Duration) -> HelpDesk {
    let switches =
        Switches { calls_per_minute: calls, exports_per_minute: exports, ..Switches::default() };
    let pace = Pace { minute, ..Pace::default() };
    HelpDesk::start_with(DeskOptions { pace, switches, ..DeskOptions::default() }).await
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn calls_count_down_and_one_too_many_is_told_when_to_come_back() {
    let zendesk = limited(Some(2), None, Duration::from_mins(1)).await;
    for remaining in ["1", "0"] {
        let answer = zendesk.call(Method::GET, TICKETS, None).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-rate-limit"), Some("2"));
        assert_eq!(header(&answer, "x-rate-limit-remaining"), Some(remaining));
    }
    let answer = zendesk.call(Method::GET, TICKETS, None).await;
    assert_eq!(answer.status(), 429);
    let wait: u64 = header(&answer, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(header(&answer, "x-rate-limit-remaining"), Some("0"));
    assert!(header(&answer, "content-type").unwrap().starts_with("text/plain"));
    assert!(!answer.text().await.unwrap().starts_with('{'), "it is no JSON");
    zendesk.write(letter("Sanne", None)).await;
}

#[tokio::test]
async fn the_next_minute_begins_with_a_full_budget() {
    let zendesk = limited(Some(1), None, Duration::from_secs(2)).await;
    assert_eq!(zendesk.call(Method::GET, TICKETS, None).await.status(), 200);
    assert_eq!(zendesk.call(Method::GET, TICKETS, None).await.status(), 429);
    eventually("the next minute", async || {
        (zendesk.call(Method::GET, TICKETS, None).await.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_export_has_a_budget_of_its_own() {
    let zendesk = limited(Some(700), Some(10), Duration::from_mins(1)).await;
    for _ in 0..10 {
        assert_eq!(zendesk.call(Method::GET, EXPORT, None).await.status(), 200);
    }
    assert_eq!(zendesk.call(Method::GET, EXPORT, None).await.status(), 429);
    assert_eq!(zendesk.call(Method::GET, TICKETS, None).await.status(), 200);
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let zendesk = HelpDesk::start().await;
    let answer = zendesk.call(Method::GET, TICKETS, None).await;
    assert_eq!(header(&answer, "x-rate-limit"), None);
}

#[tokio::test]
async fn everything_can_be_throttled_for_a_while() {
    let zendesk = HelpDesk::start().await;
    zendesk.desk.switches.turn(|switches| {
        (switches.throttle, switches.retry_after_seconds) = (true, 7);
    });
    let answer = zendesk.call(Method::GET, TICKETS, None).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (429, Some("7")));
    zendesk.desk.switches.turn(|switches| switches.throttle = false);
    assert_eq!(zendesk.call(Method::GET, TICKETS, None).await.status(), 200);
}
