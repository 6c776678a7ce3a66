//! What a connection's webhook signs with.

use std::collections::HashMap;

use super::{Error, Result, Store, Tx, on::on};
use crate::domain::{
    ConnectionId, ConnectionKey, ConnectionState, Invalid, Sealed, SecretColumn, SecretPlace,
    Timestamp, WebhookState,
};

/// The signing secrets of a connection, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSigning {
    pub current: Sealed,
    /// The one before, sealed for its own column: deliveries under way are signed with it.
    pub previous: Option<Sealed>,
    /// Since when the current one is.
    pub changed_at: Timestamp,
}

/// The connection whose webhook was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookOwner {
    pub key: ConnectionKey,
    pub state: ConnectionState,
    pub webhook: WebhookState,
    /// None where no webhook was registered yet.
    pub signing: Option<SealedSigning>,
}

/// The connections whose ids are these of a JSON array.
macro_rules! owners {
    ($are_these:literal) => {
        concat!(
            "
            select account_id, connection_id, state, webhook_state, signing_secret,
                   previous_signing_secret, signing_secret_at
              from connections
             where connection_id ",
            $are_these
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: String,
    connection_id: String,
    state: String,
    webhook_state: String,
    #[sqlx(flatten)]
    signing: SigningRow,
}

/// The columns of signing secrets, for every query that reads them.
#[derive(sqlx::FromRow)]
pub(super) struct SigningRow {
    signing_secret: Option<String>,
    previous_signing_secret: Option<String>,
    signing_secret_at: Option<i64>,
}

impl Store {
    /// The connections of these ids, whichever accounts': a webhook is called without naming one. An
    /// id is random and never given twice; one that no connection has is not among them. One that
    /// does not read has an error of its own, which is no concern of the others.
    pub async fn webhook_owners(
        &self,
        ids: &[ConnectionId],
    ) -> Result<HashMap<ConnectionId, Result<WebhookOwner>>> {
        const SQLITE: &str = owners!("in (select value from json_each($1))");
        const POSTGRES: &str = owners!("= any (array(select json_array_elements_text($1::json)))");
        let sql = self.pick(SQLITE, POSTGRES);
        let ids = ids.iter().map(ToString::to_string).collect::<serde_json::Value>().to_string();
        let rows: Vec<Row> =
            on!(Read(self), |db| sqlx::query_as(sql).bind(&ids).fetch_all(db).await?);
        rows.into_iter().map(|row| Ok((row.id()?, row.try_into()))).collect()
    }
}

impl Tx<'_> {
    /// Replaces the signing secrets of a connection, or forgets them. Comes under the account's lock.
    pub async fn save_signing(
        &mut self,
        key: &ConnectionKey,
        signing: Option<&SealedSigning>,
    ) -> Result<()> {
        const SQL: &str = "
            update connections
               set signing_secret = $3, previous_signing_secret = $4, signing_secret_at = $5
             where account_id = $1
               and connection_id = $2";
        let previous = signing.and_then(|signing| signing.previous.as_ref());
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(signing.map(|signing| signing.current.as_str()))
                .bind(previous.map(Sealed::as_str))
                .bind(signing.map(|signing| signing.changed_at.as_micros()))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}

impl SealedSigning {
    /// The sealed secrets and where each stands, the current one first.
    pub fn places<'a>(
        &'a self,
        connection: &'a ConnectionKey,
    ) -> impl Iterator<Item = (&'a Sealed, SecretPlace<'a>)> {
        let place = move |column| SecretPlace { connection, column };
        let current = (&self.current, place(SecretColumn::SigningSecret));
        let previous = self.previous.as_ref();
        let previous = previous.map(|sealed| (sealed, place(SecretColumn::PreviousSigningSecret)));
        [current].into_iter().chain(previous)
    }
}

impl SigningRow {
    pub(super) fn signing(self) -> Result<Option<SealedSigning>> {
        let (Some(current), Some(changed_at)) = (self.signing_secret, self.signing_secret_at)
        else {
            return Ok(None);
        };
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        Ok(Some(SealedSigning {
            current: Sealed::from_stored(current),
            previous: self.previous_signing_secret.map(Sealed::from_stored),
            changed_at: Timestamp::from_micros(changed_at).map_err(corrupt)?,
        }))
    }
}

impl Row {
    fn id(&self) -> Result<ConnectionId> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        self.connection_id.parse().map_err(corrupt)
    }
}

impl TryFrom<Row> for WebhookOwner {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        let connection = row.id()?;
        Ok(Self {
            key: ConnectionKey { account: row.account_id.try_into().map_err(corrupt)?, connection },
            state: row.state.parse().map_err(corrupt)?,
            webhook: row.webhook_state.parse().map_err(corrupt)?,
            signing: row.signing.signing()?,
        })
    }
}
