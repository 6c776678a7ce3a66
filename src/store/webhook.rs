//! The webhooks of connections, as far as they are known here.

use super::{Error, Result, SealedSigning, Tx, on::on, signing_secret::SigningRow};
use crate::domain::{ConnectionKey, Invalid, WebhookId};

/// The webhook of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredWebhook {
    pub id: Option<WebhookId>,
    pub signing: Option<SealedSigning>,
}

#[derive(sqlx::FromRow)]
struct Row {
    webhook_id: Option<String>,
    #[sqlx(flatten)]
    signing: SigningRow,
}

impl Tx<'_> {
    /// The webhook of a connection; the default if there is none.
    pub async fn webhook(&mut self, key: &ConnectionKey) -> Result<StoredWebhook> {
        const SQL: &str = "
            select webhook_id, signing_secret, previous_signing_secret, signing_secret_at
              from connections
             where account_id = $1
               and connection_id = $2";
        let row: Option<Row> = self.row_of(key, SQL).await?;
        row.map_or_else(|| Ok(StoredWebhook::default()), StoredWebhook::try_from)
    }

    /// Writes the webhook of a connection back. Comes under the account's lock.
    pub async fn save_webhook(
        &mut self,
        key: &ConnectionKey,
        webhook: &StoredWebhook,
    ) -> Result<()> {
        const SQL: &str = "
            update connections
               set webhook_id = $3
             where account_id = $1
               and connection_id = $2";
        on!(Tx(self), |db| {
            sqlx::query(SQL)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(webhook.id.as_ref().map(WebhookId::as_str))
                .execute(db)
                .await
                .map(drop)
        })?;
        self.save_signing(key, webhook.signing.as_ref()).await
    }
}

impl TryFrom<Row> for StoredWebhook {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        let id = row.webhook_id.map(WebhookId::try_from).transpose().map_err(corrupt)?;
        Ok(Self { id, signing: row.signing.signing()? })
    }
}
