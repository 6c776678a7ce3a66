//! Webhooks at Zendesk: made, found, read and taken away. One that is not as wanted is not changed
//! but made anew.

use std::collections::HashSet;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    Client, Error, Result, SigningSecret,
    answer::{send, send_within, undocumented},
    subscriptions,
};
use crate::domain::{Secret, Subdomain, WebhookId};

const WEBHOOKS: &str = "/api/v2/webhooks";
/// The largest list of webhooks read: some hundreds, each with all its subscriptions.
const MAX_LIST_BYTES: usize = 1024 * 1024;
/// The status of a webhook that is called.
const ACTIVE: &str = "active";
/// What webhooks are signed with, the only algorithm there is.
const ALGORITHM: &str = "SHA256";

/// What tells a webhook of ours from all others at the same Zendesk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookPlace<'a> {
    /// Holds what is random, so that two installations never take each other's.
    pub name: &'a str,
    /// Where Zendesk is to call.
    pub endpoint: &'a str,
}

/// A webhook of ours as it stands at Zendesk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundWebhook {
    pub id: WebhookId,
    pub fitness: WebhookFitness,
}

/// Whether a webhook does what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFitness {
    Fit,
    /// It is switched off, or subscribed to less than is needed: delete it and make another one.
    Unfit,
}

#[derive(Serialize)]
struct NewWebhook<'a> {
    name: &'a str,
    endpoint: &'a str,
    http_method: &'a str,
    request_format: &'a str,
    status: &'a str,
    subscriptions: Vec<String>,
}

#[derive(Deserialize)]
struct WebhookAnswer {
    webhook: Value,
}

#[derive(Deserialize)]
struct ListAnswer {
    webhooks: Vec<Value>,
}

#[derive(Deserialize)]
struct SecretAnswer {
    signing_secret: SecretOfWebhook,
}

#[derive(Deserialize)]
struct SecretOfWebhook {
    algorithm: String,
    secret: String,
}

impl Client {
    /// Makes a webhook that is subscribed to all that matters. A lost answer leaves one that
    /// [`Client::find_webhooks`] finds.
    ///
    /// # Errors
    /// What Zendesk answers; [`Error::Forbidden`] where who agreed is no administrator.
    pub async fn create_webhook(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        place: WebhookPlace<'_>,
    ) -> Result<WebhookId> {
        let webhook = NewWebhook {
            name: place.name,
            endpoint: place.endpoint,
            http_method: "POST",
            request_format: "json",
            status: ACTIVE,
            subscriptions: subscriptions().collect(),
        };
        let request = self.request(Method::POST, subdomain, token, WEBHOOKS);
        let answer = send(request.json(&json!({ "webhook": webhook }))).await?;
        let WebhookAnswer { webhook } = answer.json(&[StatusCode::CREATED])?;
        id(&webhook).ok_or_else(undocumented)
    }

    /// Finds the webhooks of this very place; more than one where an answer was lost once. How a long
    /// list is continued is not documented: what is not on its first page is not found.
    ///
    /// # Errors
    /// What Zendesk answers.
    pub async fn find_webhooks(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        place: WebhookPlace<'_>,
    ) -> Result<Vec<FoundWebhook>> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter[name_contains]", place.name)
            .finish();
        let request = self.request(Method::GET, subdomain, token, &format!("{WEBHOOKS}?{query}"));
        let answer = send_within(request, MAX_LIST_BYTES).await?;
        let ListAnswer { webhooks } = answer.json(&[StatusCode::OK])?;
        let ours = webhooks
            .iter()
            .filter(|webhook| webhook["name"] == place.name)
            .filter(|webhook| webhook["endpoint"] == place.endpoint);
        let found =
            ours.map(|webhook| Some(FoundWebhook { id: id(webhook)?, fitness: fitness(webhook) }));
        // One of ours that cannot be named could not be taken away either.
        found.collect::<Option<_>>().ok_or_else(undocumented)
    }

    /// Asks what a webhook signs with.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the webhook is gone; what else Zendesk answers.
    pub async fn signing_secret(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        webhook: &WebhookId,
    ) -> Result<SigningSecret> {
        let path = format!("{WEBHOOKS}/{webhook}/signing_secret");
        let answer = send(self.request(Method::GET, subdomain, token, &path)).await?;
        let SecretAnswer { signing_secret } = answer.json(&[StatusCode::OK])?;
        // Whatever is wrong, the secret is wiped on the way out.
        let secret = Secret::new(signing_secret.secret);
        if !signing_secret.algorithm.eq_ignore_ascii_case(ALGORITHM) {
            return Err(Error::unavailable("a webhook that is signed in an unknown way"));
        }
        SigningSecret::try_from(secret)
            .map_err(|_| Error::unavailable("an answer without a usable signing secret"))
    }

    /// Takes a webhook away. One that is gone already is as good.
    ///
    /// # Errors
    /// What else Zendesk answers.
    pub async fn delete_webhook(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        webhook: &WebhookId,
    ) -> Result<()> {
        let path = format!("{WEBHOOKS}/{webhook}");
        let answer = send(self.request(Method::DELETE, subdomain, token, &path)).await?;
        answer.accept(&[StatusCode::NO_CONTENT, StatusCode::NOT_FOUND])
    }
}

fn id(webhook: &Value) -> Option<WebhookId> {
    let id = match &webhook["id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    WebhookId::try_from(id).ok()
}

/// What the list does not tell of a webhook is taken for right: to make it anew would not tell more.
fn fitness(webhook: &Value) -> WebhookFitness {
    let active = webhook["status"].as_str().is_none_or(|status| status == ACTIVE);
    let complete = webhook["subscriptions"].as_array().is_none_or(|subscribed| {
        let subscribed: HashSet<&str> = subscribed.iter().filter_map(Value::as_str).collect();
        subscriptions().all(|event_type| subscribed.contains(event_type.as_str()))
    });
    if active && complete { WebhookFitness::Fit } else { WebhookFitness::Unfit }
}
