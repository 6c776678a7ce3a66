//! Where everything is kept: the only place with SQL, one file per group of tables.

mod account;
mod announcement;
mod authorization;
mod batch;
mod claim;
mod clock;
mod connection;
mod contact;
mod contact_field;
mod contact_value;
mod database;
mod disconnection;
mod erasure;
mod error;
mod event;
mod field_mapping;
mod inbox;
mod known;
mod lane;
mod lease;
mod on;
mod options;
mod pruning;
mod sealed_secret;
mod signing_secret;
mod stage;
mod ticket;
mod token;
mod trigger;
mod trigger_row;
mod tx;
mod upkeep;
mod webhook;

pub use self::{
    account::LockedAccount,
    announcement::Announcements,
    batch::BatchKeys,
    contact_field::ContactFieldCount,
    database::Store,
    disconnection::DeletedTickets,
    erasure::Erased,
    error::{Error, RETRY_AFTER, Result},
    event::{ParkedEvent, ParkedPlace, StoredEvent},
    inbox::Waiting,
    lane::Lane,
    lease::{Lease, LeaseHolding, LeaseOwner},
    options::{DatabaseUrl, Durability, StoreOptions},
    pruning::{EventPlace, EventRun},
    sealed_secret::{Resealed, SealedSecret},
    signing_secret::{SealedSigning, WebhookOwner},
    token::{HeldTokens, RefreshMark, SealedTokens},
    trigger::{LogSlice, LoggedTrigger, ReadBounds, ReadFrom, TriggerFilter},
    tx::Tx,
    upkeep::Upkeep,
    webhook::StoredWebhook,
};
