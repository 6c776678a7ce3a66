//! Connecting, from the subdomain that a person types to the token that is revoked.

mod authorizing;
mod command;
mod disconnecting;
mod exchange;
mod keys;
mod listing;
mod mapping;
mod preview;
mod starting;
mod tickets;

use ticketsync::{
    proto::v1::{
        self as pb, authorize_connection_request::Decision,
        connection_service_server::ConnectionService as _,
    },
    rpc::connection::ConnectionApi,
    service::{Connecting, Keyring, keyring},
    store::Store,
    zendesk::{Client, ClientOptions},
};
use tonic::{Code, Request, Status};

use crate::support::{Agreed, Database, Session, Zendesk, connecting, field, reason};

/// The service's part that connects, on a database and beside a Zendesk.
pub struct Service {
    pub api: ConnectionApi,
    pub connecting: Connecting,
    pub store: Store,
    pub zendesk: Zendesk,
}

impl Service {
    pub async fn start(db: &Database) -> Self {
        Self::with(db, &new_keyring(), |options| options).await
    }

    pub async fn with_keys(db: &Database, keyring: &Keyring) -> Self {
        Self::with(db, keyring, |options| options).await
    }

    pub async fn with(
        db: &Database,
        keyring: &Keyring,
        adjust: impl FnOnce(ClientOptions) -> ClientOptions,
    ) -> Self {
        let (store, zendesk) = (db.store().await, Zendesk::start().await);
        let client = Client::new(adjust(zendesk.options())).unwrap();
        let connecting = connecting(store.clone(), keyring.clone(), client);
        let api = ConnectionApi::new(connecting.clone());
        Self { api, connecting, store, zendesk }
    }

    pub async fn start_connection(
        &self,
        account: &str,
        subdomain: &str,
    ) -> Result<pb::StartConnectionResponse, Status> {
        let request =
            pb::StartConnectionRequest { account_id: account.into(), subdomain: subdomain.into() };
        let answer = self.api.start_connection(Request::new(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Starts a connection, whose person agrees at Zendesk.
    pub async fn agreed(&self, account: &str, subdomain: &str) -> Agreed {
        let started = self.start_connection(account, subdomain).await.unwrap();
        self.zendesk.agree(&started.authorization_url)
    }

    pub async fn decide(
        &self,
        account: &str,
        state: &str,
        decision: Option<Decision>,
    ) -> Result<pb::Connection, Status> {
        let request = pb::AuthorizeConnectionRequest {
            account_id: account.into(),
            state: state.into(),
            decision,
        };
        let answer = self.api.authorize_connection(Request::new(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn authorize(
        &self,
        account: &str,
        agreed: &Agreed,
    ) -> Result<pb::Connection, Status> {
        self.decide(account, &agreed.state, Some(Decision::Code(agreed.code.clone()))).await
    }

    pub async fn finish(&self, account: &str, connection: &str) -> Result<pb::Connection, Status> {
        let request = pb::FinishConnectionRequest {
            account_id: account.into(),
            connection_id: connection.into(),
            field_mappings: vec![],
        };
        let answer = self.api.finish_connection(Request::new(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn get(&self, account: &str, connection: &str) -> Result<pb::Connection, Status> {
        let request = pb::GetConnectionRequest {
            account_id: account.into(),
            connection_id: connection.into(),
        };
        let answer = self.api.get_connection(Request::new(request)).await?;
        // Only this call answers it.
        Ok(pb::Connection { sync_status: None, ..answer.into_inner() })
    }

    pub async fn disconnect(
        &self,
        account: &str,
        connection: &str,
        delete_tickets: bool,
    ) -> Result<pb::DisconnectResponse, Status> {
        let request = pb::DisconnectRequest {
            account_id: account.into(),
            connection_id: connection.into(),
            delete_tickets,
        };
        let answer = self.api.disconnect(Request::new(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Goes all the steps to an ACTIVE connection.
    pub async fn connect(&self, account: &str, subdomain: &str) -> pb::Connection {
        let agreed = self.agreed(account, subdomain).await;
        let authorized = self.authorize(account, &agreed).await.unwrap();
        self.finish(account, &authorized.connection_id).await.unwrap()
    }
}

pub fn new_keyring() -> Keyring {
    keyring::generate().unwrap().expose().parse().unwrap()
}

/// What a call was refused with: its code, and the reason in its details.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}

/// The path of the one field at fault.
pub fn field_at_fault<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    field(&status)
}

/// Every value of every row of every table, as text.
pub async fn everything_stored(db: &Database) -> String {
    const SQLITE_TABLES: &str = "select name from sqlite_schema where type = 'table'";
    const POSTGRES_TABLES: &str =
        "select table_name::text from information_schema.tables where table_schema = 'public'";
    let mut session = db.session().await;
    let embedded = matches!(session, Session::Sqlite(_));
    let tables = session.texts(if embedded { SQLITE_TABLES } else { POSTGRES_TABLES }).await;
    let mut stored = String::new();
    for table in tables.iter().filter(|table| *table != "_sqlx_migrations") {
        let row = if embedded {
            let columns = format!("select name from pragma_table_info('{table}')");
            let columns = session.texts(&columns).await;
            let columns = columns.iter().map(|name| format!("coalesce(cast({name} as text), '')"));
            columns.collect::<Vec<_>>().join(" || ' ' || ")
        } else {
            format!("{table}::text")
        };
        for row in session.texts(&format!("select {row} from {table}")).await {
            stored.extend([table.as_str(), ": ", row.as_str(), "\n"]);
        }
    }
    session.close().await;
    assert!(stored.contains("accounts: "), "nothing was searched: {stored}");
    stored
}
