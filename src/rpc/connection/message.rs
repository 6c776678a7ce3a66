//! A connection as clients see it.

use crate::{
    domain::{Connection, ConnectionState, WebhookState},
    proto::v1 as pb,
};

impl From<Connection> for pb::Connection {
    fn from(connection: Connection) -> Self {
        let Connection {
            key,
            subdomain,
            state,
            webhook,
            created_at,
            authorized_at,
            finished_at,
            last_event_at,
            field_mappings,
        } = connection;
        Self {
            account_id: key.account.to_string(),
            connection_id: key.connection.to_string(),
            subdomain: subdomain.as_str().to_owned(),
            state: pb::ConnectionState::from(state).into(),
            create_time: Some(created_at.into()),
            authorize_time: authorized_at.map(Into::into),
            finish_time: finished_at.map(Into::into),
            last_event_time: last_event_at.map(Into::into),
            webhook_state: pb::WebhookState::from(webhook).into(),
            field_mappings: field_mappings.into_iter().map(Into::into).collect(),
            sync_status: None,
        }
    }
}

impl From<ConnectionState> for pb::ConnectionState {
    fn from(state: ConnectionState) -> Self {
        match state {
            ConnectionState::AwaitingAuthorization => Self::AwaitingAuthorization,
            ConnectionState::AwaitingMapping => Self::AwaitingMapping,
            ConnectionState::Active => Self::Active,
            ConnectionState::NeedsReauthorization => Self::NeedsReauthorization,
            ConnectionState::Disconnected => Self::Disconnected,
        }
    }
}

impl From<WebhookState> for pb::WebhookState {
    fn from(state: WebhookState) -> Self {
        match state {
            WebhookState::Absent => Self::Absent,
            WebhookState::Pending => Self::Pending,
            WebhookState::Registered => Self::Registered,
            WebhookState::Removing => Self::Removing,
        }
    }
}
