//! The rules of the sync: no I/O, no clock, no protobuf, no SQL.

mod account;
mod authorization;
mod connection;
mod contact;
mod contact_field;
mod created_detail;
mod cursor;
mod event;
mod export;
mod fetch;
mod field_value;
mod hint;
mod incoming;
mod limit;
mod log;
mod mapping;
mod object;
mod pace;
mod secret;
mod subdomain;
mod sync;
mod ticket;
mod time;
mod upkeep;
mod webhook;
mod word;
mod working_set;

pub use self::{
    account::AccountId,
    authorization::{
        AUTHORIZATION_LIFETIME, Authorization, AuthorizationEntropy, AuthorizationState,
        CodeVerifier, StateHash,
    },
    connection::{
        Connection, ConnectionId, ConnectionKey, ConnectionState, Finish, Tokens, WebhookState,
    },
    contact::{Contact, ContactId, Email, EmailKey, Requester, SYNC_TAG},
    contact_field::{
        ContactField, ContactFieldId, ContactFieldType, ContactFieldValue, Label,
        MAX_CONTACT_FIELDS, MAX_OPTIONS, MAX_TEXTAREAS,
    },
    created_detail::{CreatedDetail, Given},
    cursor::{Cursor, LogEnds, Misplaced},
    event::{
        ContentHash, EventBody, EventId, EventKind, EventSource, Observation, Outcome, Snapshot,
        SnapshotKind, TicketEvent, Version,
    },
    export::{ExportCursor, ExportedTicket, KnownTicket, Presence},
    fetch::{Doubt, LAG, Settled, Shown, TicketFetch},
    field_value::{FieldKind, FieldValue},
    hint::{Delay, Hint, HintKind, Postponed, WaitingHint},
    incoming::{HintAnswer, Incoming, Receipt},
    limit::{Invalid, text},
    log::{LogId, Position, TriggerContact, TriggerContent, TriggerEvent, TriggerKind},
    mapping::{
        FieldCopy, FieldMapping, MAX_FIELD_MAPPINGS, MappingFault, MappingFaultKind, repeated,
        unfit,
    },
    object::{ObjectPlace, ObjectRow, SyncedTicket},
    pace::Pace,
    secret::{Sealed, Secret, SecretColumn, SecretPlace},
    subdomain::Subdomain,
    sync::{Answer, Dice, Rejection},
    ticket::{
        Change, Status, Ticket, TicketField, TicketId, TicketPriority, TicketType, ZendeskId,
    },
    time::Timestamp,
    upkeep::{SyncProblem, Trouble, pause},
    webhook::WebhookId,
    working_set::{
        AccountRow, ContactRow, Effect, Kept, NewTrigger, Origin, ParkedRow, RequesterRow,
        ResultRow, Standing, TicketRow, ValueRow, WorkingSet,
    },
};
