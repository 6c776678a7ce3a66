//! Redirects, answered to every kind of call: none is followed, and nothing goes elsewhere.

use std::collections::BTreeSet;

use futures::{FutureExt as _, future::BoxFuture};
use serde_json::json;
use ticketsync::{
    domain::{CodeVerifier, ExportCursor, Timestamp, WebhookId},
    zendesk::{Client, Error, ExportFrom, Result, WebhookPlace},
};

use super::{Desk, TOKEN, acme, id, token};
use crate::support::{Reply, Source};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
const PLACE: WebhookPlace<'static> =
    WebhookPlace { name: "ticketsync 7f3a", endpoint: "https://sync.example.com/7f3a" };

/// A call, by the name of the client's method.
type Call = (&'static str, fn(Client) -> BoxFuture<'static, Result<()>>);

/// Every kind of call; `revoke` makes two.
const CALLS: [Call; 11] = [
    ("exchange", |client| {
        let verifier = CodeVerifier::new(&[7; 32]);
        async move { client.exchange(&acme(), &token(), &verifier).await.map(drop) }.boxed()
    }),
    ("refresh", |client| async move { client.refresh(&acme(), &token()).await.map(drop) }.boxed()),
    ("revoke", |client| async move { client.revoke(&acme(), &token()).await }.boxed()),
    ("create_webhook", |client| {
        async move { client.create_webhook(&acme(), &token(), PLACE).await.map(drop) }.boxed()
    }),
    ("find_webhooks", |client| {
        async move { client.find_webhooks(&acme(), &token(), PLACE).await.map(drop) }.boxed()
    }),
    ("signing_secret", |client| {
        async move { client.signing_secret(&acme(), &token(), &webhook()).await.map(drop) }.boxed()
    }),
    ("delete_webhook", |client| {
        async move { client.delete_webhook(&acme(), &token(), &webhook()).await }.boxed()
    }),
    ("show_tickets", |client| {
        async move { client.show_tickets(&acme(), &token(), &[id(5)]).await.map(drop) }.boxed()
    }),
    ("show_users", |client| {
        async move { client.show_users(&acme(), &token(), &[id(5)]).await.map(drop) }.boxed()
    }),
    ("export", |client| {
        let from = ExportFrom::Time(Timestamp::EPOCH);
        async move { client.export(&acme(), &token(), &from).await.map(drop) }.boxed()
    }),
    ("export", |client| {
        let from = ExportFrom::Cursor(ExportCursor::try_from("abc".to_owned()).unwrap());
        async move { client.export(&acme(), &token(), &from).await.map(drop) }.boxed()
    }),
];

fn webhook() -> WebhookId {
    WebhookId::try_from("7".to_owned()).unwrap()
}

/// Makes a call that is answered by these and then by the redirect, and is to end there.
async fn assert_stays((name, make): Call, before: &[Reply], status: u16, location: &str) {
    let redirect = Reply::new(status, "").header("Location", location);
    let desk = Desk::start(before.iter().cloned().chain([redirect])).await;
    let error = make(desk.client.clone()).await.unwrap_err();
    let cause = format!("status {status}");
    assert_eq!(error, Error::Unavailable { cause, retry_after: None }, "{name}, {location}");
    assert!(!format!("{error} {error:?}").contains(TOKEN), "{name}");
    assert_eq!(desk.asked().len(), before.len() + 1, "{name} went on: {:?}", desk.paths());
}

#[tokio::test]
async fn no_kind_of_call_follows_a_redirect() {
    let elsewhere = Desk::start([]).await;
    let away = format!("http://{}/elsewhere", elsewhere.script.address);
    let current = Reply::json(&json!({ "token": { "id": 7 } }));
    for status in STATUSES {
        for location in [away.as_str(), "/acme/elsewhere"] {
            for call in CALLS {
                assert_stays(call, &[], status, location).await;
                if call.0 == "revoke" {
                    assert_stays(call, std::slice::from_ref(&current), status, location).await;
                }
            }
        }
    }
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.paths());
}

#[test]
fn no_kind_of_call_is_forgotten() {
    let sources = Source::all("src/zendesk");
    let functions = sources.iter().flat_map(|source| source.code.split("pub async fn ").skip(1));
    let functions: BTreeSet<&str> = functions.filter_map(|rest| rest.split('(').next()).collect();
    assert_eq!(functions, CALLS.iter().map(|(name, _)| *name).collect());
}
