//! What each kind of delivery is answered.

use reqwest::StatusCode;
use serde_json::json;
use ticketsync::{clock, sandbox::zendesk::sign};

use super::{counted, waiting};
use crate::support::{
    Connected, Hook, Replica, SIGNING_SECRET, eventually, on_both_engines, timestamp, zendesk_event,
};

const MIB: usize = 1024 * 1024;

/// A hook of a connection that is not there, or is named as none is.
fn elsewhere(service: &Replica, id: &str) -> Hook {
    let to = Connected { account_id: "acme".into(), connection_id: id.into() };
    Hook::of(service.http, &to)
}

/// How often each outcome was counted.
async fn outcomes<const N: usize>(service: &Replica, names: [&str; N]) -> [u64; N] {
    let mut counts = [0; N];
    for (count, name) in counts.iter_mut().zip(names) {
        let name = format!("ticketsync_webhook_deliveries_total{{outcome=\"{name}\"}}");
        *count = counted(service, &name).await;
    }
    counts
}

on_both_engines! {
    async fn a_delivery_is_answered_once_it_is_stored_and_again_when_it_comes_twice(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let event = zendesk_event("e1", "status_changed", 7);
        assert_eq!(hook.post(&event).await, StatusCode::OK);
        assert_eq!(waiting(&db).await, 1);
        assert_eq!(hook.post(&event).await, StatusCode::OK);
        assert_eq!(waiting(&db).await, 1);
        let other = zendesk_event("e2", "tags_changed", 7);
        assert_eq!(hook.post(&other).await, StatusCode::OK, "nobody asked for it");
        assert_eq!(waiting(&db).await, 1);
        let names = ["stored", "duplicate", "of_no_interest", "forged"];
        assert_eq!(outcomes(&service, names).await, [1, 1, 1, 0]);
        let log = service.log();
        assert!(!log.contains(SIGNING_SECRET) && !log.contains("Printer"), "{log}");
    }

    async fn what_the_webhooks_secret_has_not_signed_is_refused_and_not_stored(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let body = zendesk_event("e1", "created", 7).to_string();
        let body = body.as_bytes();
        let time = timestamp(0);
        let good = sign(SIGNING_SECRET, &time, body);
        let flipped = good.replacen(&good[..1], if good.starts_with('A') { "B" } else { "A" }, 1);
        let other_body = sign(SIGNING_SECRET, &time, b"{}");
        let other_secret = sign("another", &time, body);
        let published = sign("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==", &time, body);
        for (timestamp, signature) in [
            (None, None),
            (Some(time.as_str()), None),
            (None, Some(good.as_str())),
            (Some(&time), Some("")),
            (Some(&time), Some(&good[..good.len() - 4])),
            (Some(&time), Some(&flipped)),
            (Some(&time), Some(&other_body)),
            (Some(&time), Some(&other_secret)),
            (Some(&time), Some(&published)),
            (Some("1616648967"), Some(&good)),
        ] {
            let answer = hook.post_with(body, timestamp, signature).await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{timestamp:?} {signature:?}");
            assert_eq!(answer.text().await.unwrap(), "", "nothing is told");
        }
        assert_eq!(waiting(&db).await, 0);
        assert_eq!(outcomes(&service, ["forged", "outside_window"]).await, [10, 0]);
        let answer = hook.post_with(body, Some(&time), Some(&good)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    async fn a_delivery_is_good_for_five_minutes_to_both_sides(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        // A minute from each edge, since the clock goes on until it is looked at. The edges themselves
        // are shown where the clock is an argument.
        for (seconds, status) in [(-240, 200), (-360, 401), (240, 200), (360, 401)] {
            let event = zendesk_event(&format!("e{seconds}"), "created", 7).to_string();
            let answer = hook.post_signed_at(event.as_bytes(), seconds).await;
            assert_eq!(answer.status().as_u16(), status, "{seconds} s");
        }
        assert_eq!(outcomes(&service, ["stored", "outside_window"]).await, [2, 2]);
    }

    async fn what_names_no_connection_that_takes_events_is_not_found(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let event = zendesk_event("e1", "created", 7);
        for id in ["00000000-0000-4000-8000-000000000000", "acme", "7"] {
            assert_eq!(elsewhere(&service, id).post(&event).await, StatusCode::NOT_FOUND, "{id}");
        }
        let mut session = db.session().await;
        for state in ["awaiting_authorization", "awaiting_mapping", "disconnected"] {
            session.execute(&format!("update connections set state = '{state}'")).await;
            let hook = Hook::of(service.http, &to);
            assert_eq!(hook.post(&event).await, StatusCode::NOT_FOUND, "{state}");
        }
        session.execute("update connections set state = 'needs_reauthorization'").await;
        let hook = Hook::of(service.http, &to);
        assert_eq!(hook.post(&event).await, StatusCode::OK);
        // Ended while its secret is still known here: the account's lock has the last word.
        session.execute("update connections set state = 'disconnected'").await;
        let later = zendesk_event("e2", "created", 7);
        assert_eq!(hook.post(&later).await, StatusCode::NOT_FOUND);
        session.close().await;
        assert_eq!(waiting(&db).await, 1);
        assert_eq!(outcomes(&service, ["unknown_connection"]).await, [7]);
        assert_eq!(hook.get().await, StatusCode::METHOD_NOT_ALLOWED);
    }

    async fn a_body_has_a_limit_and_one_that_does_not_read_is_refused_for_good(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let padded = |bytes: usize| {
            let event = zendesk_event("e1", "created", 7).to_string();
            format!("{event}{}", " ".repeat(bytes - event.len()))
        };
        let answer = hook.post_signed_at(padded(MIB + 1).as_bytes(), 0).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let answer = hook.post_signed_at(padded(MIB).as_bytes(), 0).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let nameless = json!({ "type": "zen:event-type:ticket.created", "subject": "zen:ticket:7" });
        for body in ["", "{", "[]", "null", &nameless.to_string()] {
            let answer = hook.post_signed_at(body.as_bytes(), 0).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
        }
        assert_eq!(waiting(&db).await, 1);
        let names = ["stored", "too_large", "malformed", "unavailable"];
        assert_eq!(outcomes(&service, names).await, [1, 1, 5, 0]);
    }

    async fn before_there_is_a_secret_a_signed_delivery_is_to_be_tried_again(db: Database) {
        let to = db.active_connection("acme").await;
        let service = Replica::start(db.url()).await;
        let hook = Hook::of(service.http, &to);
        let body = zendesk_event("e1", "created", 7).to_string();
        let answer = hook.post_signed_at(body.as_bytes(), 0).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..60).contains(&seconds));
        let unsigned = hook.post_with(body.as_bytes(), None, None).await.unwrap();
        assert_eq!(unsigned.status(), StatusCode::UNAUTHORIZED);
        crate::support::store_secrets(&db, &to, SIGNING_SECRET, None, clock::now()).await;
        // Zendesk, which was told to try again, finds it there.
        eventually("the secret", async || {
            let answer = hook.post_signed_at(body.as_bytes(), 0).await.status();
            (answer == StatusCode::OK).then_some(())
        })
        .await;
    }
}
