//! Webhooks at Zendesk: made whole, found by all of their name and address, read, taken away.

use serde_json::{Value, json};
use ticketsync::{
    domain::WebhookId,
    zendesk::{Error, FoundWebhook, Result, WebhookFitness, WebhookPlace, subscriptions},
};

use super::{Desk, TOKEN, acme, token};
use crate::support::Reply;

const PLACE: WebhookPlace<'static> = WebhookPlace {
    name: "ticketsync 7f3a & co",
    endpoint: "https://sync.example.com/webhooks/zendesk/7f3a",
};

fn webhook_id(id: &str) -> WebhookId {
    WebhookId::try_from(id.to_owned()).unwrap()
}

fn listed(id: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut webhook = json!({
        "id": id,
        "name": PLACE.name,
        "endpoint": PLACE.endpoint,
        "status": "active",
        "subscriptions": subscriptions().collect::<Vec<_>>(),
    });
    change(&mut webhook);
    webhook
}

async fn found(webhooks: &[Value]) -> Result<Vec<FoundWebhook>> {
    let list = json!({"webhooks": webhooks, "meta": {"has_more": false}});
    let desk = Desk::start([Reply::json(&list)]).await;
    desk.client.find_webhooks(&acme(), &token(), PLACE).await
}

async fn secret(reply: Reply) -> Result<String> {
    let desk = Desk::start([reply]).await;
    let secret = desk.client.signing_secret(&acme(), &token(), &webhook_id("7")).await?;
    assert_eq!(desk.paths(), ["GET /acme/api/v2/webhooks/7/signing_secret"]);
    assert!(!format!("{secret:?}").contains(secret.secret().expose()));
    Ok(secret.secret().expose().to_owned())
}

#[tokio::test]
async fn a_webhook_is_made_with_all_it_needs() {
    let reply = Reply::new(201, json!({"webhook": {"id": "01GB7WWYD3QM8G"}}).to_string());
    let desk = Desk::start([reply]).await;
    let id = desk.client.create_webhook(&acme(), &token(), PLACE).await.unwrap();
    assert_eq!(id, webhook_id("01GB7WWYD3QM8G"));
    assert_eq!(desk.paths(), ["POST /acme/api/v2/webhooks"]);
    let asked = &desk.asked()[0];
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    let webhook = &asked.body["webhook"];
    let mut expected = listed("", |_| ());
    expected.as_object_mut().unwrap().remove("id");
    expected["http_method"] = json!("POST");
    expected["request_format"] = json!("json");
    assert_eq!(*webhook, expected);
    assert_eq!(webhook["subscriptions"].as_array().unwrap().len(), 23);
}

#[tokio::test]
async fn an_id_that_could_lead_elsewhere_is_not_taken() {
    for id in [json!("../tickets/5"), json!("a?b"), json!(""), json!(null), json!(["a"])] {
        let reply = Reply::new(201, json!({"webhook": {"id": id}}).to_string());
        let desk = Desk::start([reply]).await;
        let made = desk.client.create_webhook(&acme(), &token(), PLACE).await;
        assert!(matches!(made, Err(Error::Unavailable { .. })), "{id}");
        let found = found(&[listed("", |webhook| webhook["id"] = id.clone())]).await;
        assert!(matches!(found, Err(Error::Unavailable { .. })), "{id}");
    }
}

#[tokio::test]
async fn who_is_no_administrator_may_make_none() {
    let desk = Desk::start([Reply::new(403, r#"{"error":"Forbidden"}"#)]).await;
    let made = desk.client.create_webhook(&acme(), &token(), PLACE).await;
    assert_eq!(made.unwrap_err(), Error::Forbidden { error: "Forbidden".into() });
}

#[tokio::test]
async fn only_a_webhook_with_all_of_our_name_and_address_is_ours() {
    let others = [
        listed("1", |webhook| webhook["name"] = json!(format!("{} 2", PLACE.name))),
        listed("2", |webhook| webhook["name"] = json!(PLACE.name.to_uppercase())),
        listed("3", |webhook| webhook["endpoint"] = json!(format!("{}/", PLACE.endpoint))),
        listed("4", |webhook| webhook["endpoint"] = json!(null)),
        listed("../5", |webhook| webhook["name"] = json!("another's")),
        json!("6"),
    ];
    assert_eq!(found(&others).await.unwrap(), []);
    let fit = |id: &str| FoundWebhook { id: webhook_id(id), fitness: WebhookFitness::Fit };
    let twice = [&others[..], &[listed("7", |_| ()), listed("8", |_| ())]].concat();
    assert_eq!(found(&twice).await.unwrap(), [fit("7"), fit("8")]);
}

#[tokio::test]
async fn it_is_looked_for_by_its_name() {
    let desk = Desk::start([Reply::json(&json!({"webhooks": []}))]).await;
    desk.client.find_webhooks(&acme(), &token(), PLACE).await.unwrap();
    let path = "/acme/api/v2/webhooks?filter%5Bname_contains%5D=ticketsync+7f3a+%26+co";
    assert_eq!(desk.paths(), [format!("GET {path}")]);
    let desk = Desk::start([Reply::json(&json!({}))]).await;
    let found = desk.client.find_webhooks(&acme(), &token(), PLACE).await;
    assert!(matches!(found, Err(Error::Unavailable { .. })));
}

#[tokio::test]
async fn a_webhook_that_is_off_or_misses_events_is_unfit() {
    let more = subscriptions().chain(["zen:event-type:ticket.tags_changed".into()]);
    let fewer: Vec<String> = subscriptions().skip(1).collect();
    for (field, value, fitness) in [
        ("status", json!("inactive"), WebhookFitness::Unfit),
        ("status", json!(null), WebhookFitness::Fit),
        ("subscriptions", json!(fewer), WebhookFitness::Unfit),
        ("subscriptions", json!([]), WebhookFitness::Unfit),
        ("subscriptions", json!(null), WebhookFitness::Fit),
        ("subscriptions", json!(more.collect::<Vec<_>>()), WebhookFitness::Fit),
    ] {
        let found = found(&[listed("7", |webhook| webhook[field] = value.clone())]).await.unwrap();
        assert_eq!(found, [FoundWebhook { id: webhook_id("7"), fitness }], "{field} {value}");
    }
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_read_and_the_published_one_refused() {
    let published = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
    let of = |algorithm: &str, secret: &Value| {
        Reply::json(&json!({"signing_secret": {"algorithm": algorithm, "secret": secret}}))
    };
    assert_eq!(secret(of("SHA256", &json!("c2VjcmV0=="))).await.unwrap(), "c2VjcmV0==");
    for reply in [
        of("SHA256", &json!(published)),
        of("SHA256", &json!("")),
        of("SHA256", &json!(null)),
        of("MD5", &json!("secret")),
        Reply::json(&json!({"signing_secret": null})),
    ] {
        let error = secret(reply).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
        assert!(!format!("{error:?}").contains(published));
    }
    let gone = secret(Reply::new(404, "{}")).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }));
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_as_good_as_taken_away() {
    let replies = [204, 404, 403, 500].map(|status| Reply::new(status, ""));
    let desk = Desk::start(replies).await;
    for taken_away in [true, true, false, false] {
        let deleted = desk.client.delete_webhook(&acme(), &token(), &webhook_id("7")).await;
        assert_eq!(deleted.is_ok(), taken_away);
    }
    assert_eq!(desk.paths()[0], "DELETE /acme/api/v2/webhooks/7");
}
