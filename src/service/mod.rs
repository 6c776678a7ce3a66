//! Where several of the floors below meet.

pub mod access;
mod authorizing;
mod batched_reads;
mod batcher;
mod connecting;
mod contact_fields;
mod contacts;
mod disconnecting;
mod feed;
pub mod key_file;
pub mod keyring;
mod mapping;
mod parked;
mod previews;
mod pruner;
mod relay;
pub mod rotation;
mod signing_secrets;
mod tail;
mod upkeep;
mod wakeup;
mod writes;

pub use self::{
    access::Access,
    authorizing::Decision,
    batcher::{Accepted, Batcher, BatcherOptions, OnCommit},
    connecting::{Connecting, Progress, Started},
    contact_fields::ContactFields,
    contacts::Contacts,
    disconnecting::{Disconnected, SyncedTickets},
    feed::{Feed, FeedOptions, StopAtHead, TailRequest, TailStart},
    keyring::Keyring,
    mapping::refuse as refuse_mappings,
    parked::Parked,
    pruner::{Pruned, Pruner, PrunerOptions, days},
    relay::Relay,
    signing_secrets::{Checked, SigningSecrets},
    tail::{Batch, MAX_BATCH_BYTES, Tail},
    upkeep::{Removal, Upkeep, UpkeepOptions},
    wakeup::Wakeups,
    writes::Writes,
};
