//! A small Zendesk on loopback: one help desk with its own tickets, users, OAuth and webhooks.
//!
//! It answers as the real one does, as far as the service asks, and takes what customers and agents
//! do as JSON or from its page. Every change at the desk becomes signed webhook deliveries. How it can
//! be made to misbehave is told by [`Switches`].

mod authorize;
mod breaker;
mod change;
mod contents;
mod control;
mod courier;
mod desk;
mod draft;
mod error;
mod event;
mod happening;
mod history;
mod hold;
mod host;
mod journal;
mod limits;
mod line;
mod oauth;
mod outbox;
mod pace;
mod page;
mod post;
mod query;
mod read;
mod router;
mod signature;
mod store;
mod switches;
mod ticket;
mod token;
mod watch;
mod webhook_api;
mod webhooks;
mod write;

pub use self::{
    change::{Comment, MergeInput, TicketInput, UserInput},
    desk::{Desk, DeskOptions},
    event::TYPE_PREFIX,
    hold::HeldAnswer,
    host::serve,
    oauth::{Consent, Exchange, OAuth, OAuthClient, OAuthError, Token, secret},
    pace::Pace,
    page::page,
    post::{DeliveryRecord, Fate},
    query::{Export, ExportStart},
    signature::sign,
    store::{Refusal, Store},
    switches::{Switchboard, Switches},
    ticket::{Role, Ticket, User},
    watch::RequestRecord,
    webhooks::{Format, Method, Webhook, WebhookInput, WebhookStatus, Webhooks},
};
