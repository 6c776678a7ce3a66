//! Webhooks of the small Zendesk: how applications look after them, and how requests are signed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticketsync::sandbox::zendesk::sign;

use super::{
    desk::{HelpDesk, letter, webhook},
    receiver::Receiver,
};

const WEBHOOKS: &str = "/api/v2/webhooks";
/// The secret of webhooks that were never saved, as Zendesk publishes it.
const PUBLISHED_SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";

#[test]
fn the_published_vector_is_signed_as_published() {
    let sign =
        |secret| sign(secret, "2021-03-25T05:09:27Z", br#"{"event":"ticket.updated","id":123}"#);
    assert_eq!(sign(PUBLISHED_SECRET), "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=");
    let decoded = "this_secret_is_for_testing_only";
    assert!(sign(decoded).starts_with("ElGlCykj"), "the key is not decoded");
}

#[tokio::test]
async fn a_webhook_is_created_found_by_its_name_and_removed() {
    let zendesk = HelpDesk::start().await;
    let body = json!({ "webhook": webhook("ticketsync 7", "http://127.0.0.1:9/", &["created"]) });
    let answer = zendesk.call(Method::POST, WEBHOOKS, Some(body.clone())).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let created: Value = answer.json::<Value>().await.unwrap()["webhook"].clone();
    for key in ["name", "endpoint", "http_method", "request_format", "status", "subscriptions"] {
        assert_eq!(created[key], body["webhook"][key], "{key}");
    }

    let found = zendesk.read("/api/v2/webhooks?filter[name_contains]=sync%207").await;
    assert_eq!(found["webhooks"], json!([created]));
    let other = zendesk.read("/api/v2/webhooks?filter[name_contains]=sync%208").await;
    assert_eq!(other["webhooks"], json!([]));
    let path = format!("{WEBHOOKS}/{}", created["id"].as_str().unwrap());
    let secret = zendesk.read(&format!("{path}/signing_secret")).await;
    assert_eq!(secret["signing_secret"]["algorithm"], "SHA256");
    assert_eq!(secret["signing_secret"]["secret"].as_str().unwrap().len(), 44);

    assert_eq!(zendesk.call(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(zendesk.call(Method::DELETE, &path, None).await.status(), 404);
    let missing = zendesk.read(&format!("{path}/signing_secret")).await;
    assert_eq!(missing["error"], "RecordNotFound");
}

#[tokio::test]
async fn webhooks_need_their_scopes() {
    let zendesk = HelpDesk::start().await;
    let receiver = Receiver::willing().await;
    let id = zendesk.subscribe(&receiver, &["created"]).await["id"].as_str().unwrap().to_owned();
    let body = json!({ "webhook": webhook("another", &receiver.url, &["created"]) });
    let reading = "tickets:read users:read webhooks:read";
    let writing = "tickets:read users:read webhooks:write";
    let (one, secret) = (format!("{WEBHOOKS}/{id}"), format!("{WEBHOOKS}/{id}/signing_secret"));
    for (method, path, missing, enough) in [
        (Method::GET, WEBHOOKS, writing, reading),
        (Method::GET, &secret, writing, reading),
        (Method::POST, WEBHOOKS, reading, writing),
        (Method::DELETE, &one, reading, writing),
    ] {
        let call = async |scope: &str| {
            let url = format!("{}{path}", zendesk.desk.url);
            let request = zendesk.http.request(method.clone(), url).json(&body);
            request.bearer_auth(zendesk.desk.oauth.issue(scope)).send().await.unwrap().status()
        };
        assert_eq!(call(missing).await, 403, "{method} {path}");
        assert!(call(enough).await.is_success(), "{method} {path}");
        let url = format!("{}{path}", zendesk.desk.url);
        let nobody = zendesk.http.request(method, url).json(&body).send().await.unwrap();
        assert_eq!(nobody.status(), 401);
    }
}

#[tokio::test]
async fn a_webhook_that_makes_no_sense_is_refused() {
    let zendesk = HelpDesk::start().await;
    for (key, value) in [
        ("name", json!(" ")),
        ("endpoint", json!("ftp://127.0.0.1/")),
        ("endpoint", json!("nowhere")),
        ("http_method", json!("GET")),
        ("request_format", json!("xml")),
        ("status", json!("asleep")),
        ("subscriptions", json!([])),
        ("subscriptions", json!(["zen:event-type:user.created"])),
    ] {
        let mut body = webhook("ticketsync", "http://127.0.0.1:9/", &["created"]);
        body[key] = value;
        let body = json!({ "webhook": body });
        let status = zendesk.call(Method::POST, WEBHOOKS, Some(body)).await.status();
        assert!(status.is_client_error(), "{key}: {status}");
    }
    assert_eq!(zendesk.read(WEBHOOKS).await["webhooks"], json!([]));
}

#[tokio::test]
async fn a_delivery_is_signed_over_its_raw_body_with_the_webhooks_own_secret() {
    let zendesk = HelpDesk::start().await;
    let receiver = Receiver::willing().await;
    let webhook = zendesk.subscribe(&receiver, &["created"]).await;
    zendesk.write(letter("Sanne – ünïcode", Some("sanne@example.com"))).await;
    let delivery = receiver.receives(1).await.remove(0);

    let id = webhook["id"].as_str().unwrap();
    let secret = zendesk.read(&format!("{WEBHOOKS}/{id}/signing_secret")).await;
    let secret = secret["signing_secret"]["secret"].as_str().unwrap();
    let timestamp = delivery.header("x-zendesk-webhook-signature-timestamp");
    assert_eq!(timestamp.len(), "2021-03-25T05:09:27Z".len());
    assert_eq!(
        delivery.header("x-zendesk-webhook-signature"),
        sign(secret, timestamp, &delivery.body)
    );
    assert_eq!(delivery.header("x-zendesk-webhook-id"), id);
    assert!(!delivery.header("x-zendesk-webhook-invocation-id").is_empty());
    assert_eq!(delivery.header("x-zendesk-account-id"), delivery.json()["account_id"].to_string());
    assert_eq!(delivery.header("content-type"), "application/json");
}

#[tokio::test]
async fn some_deliveries_do_not_name_the_account() {
    let zendesk = HelpDesk::start().await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &["created"]).await;
    for _ in 0..8 {
        zendesk.write(letter("Sanne", None)).await;
    }
    let deliveries = receiver.receives(8).await;
    let named = deliveries.iter().filter(|it| it.headers.contains_key("x-zendesk-account-id"));
    assert_eq!(named.count(), 6);
}

#[tokio::test]
async fn only_active_webhooks_are_told_and_only_of_what_they_subscribed_to() {
    let zendesk = HelpDesk::start().await;
    let (receiver, asleep) = (Receiver::willing().await, Receiver::willing().await);
    zendesk.subscribe(&receiver, &["priority_changed"]).await;
    let mut inactive = webhook("asleep", &asleep.url, &["created", "priority_changed"]);
    inactive["status"] = json!("inactive");
    let body = json!({ "webhook": inactive });
    assert_eq!(zendesk.call(Method::POST, WEBHOOKS, Some(body)).await.status(), 201);

    let ticket = zendesk.write(letter("Sanne", None)).await;
    zendesk.change(&ticket["id"], json!({ "status": "open", "priority": "low" })).await;
    zendesk.all_delivered().await;
    assert_eq!(receiver.kinds(), ["priority_changed"]);
    assert!(asleep.received().is_empty());
}

#[tokio::test]
async fn webhooks_can_vanish() {
    let zendesk = HelpDesk::start().await;
    let receiver = Receiver::willing().await;
    zendesk.subscribe(&receiver, &["created"]).await;
    let url = format!("{}/sandbox/webhooks", zendesk.desk.url);
    assert_eq!(zendesk.http.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(zendesk.read(WEBHOOKS).await["webhooks"], json!([]));
    zendesk.write(letter("Sanne", None)).await;
    zendesk.all_delivered().await;
    assert!(receiver.received().is_empty());
}
