//! The webhooks of a help desk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::event::TYPE_PREFIX;

/// What a request that creates a webhook says of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct WebhookInput {
    pub name: String,
    /// Kept as it was written: it is compared whole.
    pub endpoint: String,
    pub http_method: Method,
    pub request_format: Format,
    pub status: WebhookStatus,
    pub subscriptions: Vec<String>,
}

/// The one method that ticket events are sent by.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Post,
}

/// The one format that ticket events have.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
}

/// Whether a webhook is sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    Active,
    Inactive,
}

/// A webhook. Its secret is not part of what is shown.
#[derive(Clone, Serialize)]
pub struct Webhook {
    pub id: String,
    #[serde(flatten)]
    pub told: WebhookInput,
    #[serde(skip)]
    pub secret: String,
}

/// All webhooks of one help desk. Cheap to clone.
#[derive(Clone, Default)]
pub struct Webhooks(Arc<Mutex<BTreeMap<String, Webhook>>>);

impl Webhooks {
    /// Adds a webhook with a secret of its own.
    #[must_use]
    pub fn create(&self, told: WebhookInput) -> Webhook {
        let id = Uuid::now_v7().simple().to_string().to_uppercase();
        let secret = STANDARD.encode(rand::random::<[u8; 32]>());
        let webhook = Webhook { id: id.clone(), told, secret };
        self.lock().insert(id, webhook.clone());
        webhook
    }

    /// A webhook by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Webhook> {
        self.lock().get(id).cloned()
    }

    /// The webhooks whose name contains a text.
    #[must_use]
    pub fn named(&self, part: &str) -> Vec<Webhook> {
        self.lock().values().filter(|webhook| webhook.told.name.contains(part)).cloned().collect()
    }

    /// Removes a webhook; whether there was one.
    #[must_use]
    pub fn remove(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    /// Makes all webhooks vanish without anybody having asked, as is reported of Zendesk.
    pub fn vanish(&self) {
        self.lock().clear();
    }

    /// The ids of the active webhooks that are told of a type of event.
    pub(super) fn subscribed(&self, kind: &str) -> Vec<String> {
        let wanted = |webhook: &&Webhook| {
            webhook.told.status == WebhookStatus::Active
                && webhook.told.subscriptions.iter().any(|it| it == kind)
        };
        self.lock().values().filter(wanted).map(|webhook| webhook.id.clone()).collect()
    }

    /// Whether nobody is told anything.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Webhook>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WebhookInput {
    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.name.trim().is_empty() {
            Some("name: is required")
        } else if !Url::parse(&self.endpoint)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        {
            Some("endpoint: is no address of the web")
        } else if self.subscriptions.is_empty() {
            Some("subscriptions: name at least one")
        } else if self.subscriptions.iter().any(|kind| !kind.starts_with(TYPE_PREFIX)) {
            Some("subscriptions: only ticket events happen here")
        } else {
            None
        }
    }
}
