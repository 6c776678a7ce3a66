//! Every sealed secret wherever it stands, for those who look after the keys.

use super::{Error, Result, Store, Tx, on::on};
use crate::domain::{ConnectionKey, Invalid, Sealed, SecretColumn};

/// A sealed secret and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    pub connection: ConnectionKey,
    pub column: SecretColumn,
    pub sealed: Sealed,
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: String,
    connection_id: String,
    secret_column: String,
    sealed: String,
}

impl Store {
    /// The sealed secrets of all accounts after this one, in the order of their text; each text is
    /// unique, as its nonce is.
    pub async fn sealed_secrets(
        &self,
        after: Option<&Sealed>,
        limit: i64,
    ) -> Result<Vec<SealedSecret>> {
        const SQL: &str = "
            select account_id, connection_id, secret_column, sealed
              from (select account_id, connection_id, 'access_token' as secret_column,
                           access_token as sealed
                      from connections
                     union all
                    select account_id, connection_id, 'refresh_token', refresh_token
                      from connections
                     union all
                    select account_id, connection_id, 'signing_secret', signing_secret
                      from connections
                     union all
                    select account_id, connection_id, 'previous_signing_secret',
                           previous_signing_secret
                      from connections
                     union all
                    select account_id, connection_id, 'code_verifier', code_verifier
                      from authorizations) as secrets
             where sealed > $1
             order by sealed
             limit $2";
        let after = after.map_or("", Sealed::as_str);
        let rows: Vec<Row> = on!(Read(self), |db| {
            sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(db).await?
        });
        rows.into_iter().map(SealedSecret::try_from).collect()
    }
}

impl Tx<'_> {
    /// Puts one sealing of a secret in the place of another, if that is still there. Comes under
    /// the account's lock.
    pub async fn reseal(&mut self, secret: &SealedSecret, sealed: &Sealed) -> Result<Resealed> {
        let sql = match secret.column {
            SecretColumn::AccessToken => {
                "
                update connections
                   set access_token = $4
                 where account_id = $1
                   and connection_id = $2
                   and access_token = $3"
            }
            SecretColumn::RefreshToken => {
                "
                update connections
                   set refresh_token = $4
                 where account_id = $1
                   and connection_id = $2
                   and refresh_token = $3"
            }
            SecretColumn::SigningSecret => {
                "
                update connections
                   set signing_secret = $4
                 where account_id = $1
                   and connection_id = $2
                   and signing_secret = $3"
            }
            SecretColumn::PreviousSigningSecret => {
                "
                update connections
                   set previous_signing_secret = $4
                 where account_id = $1
                   and connection_id = $2
                   and previous_signing_secret = $3"
            }
            SecretColumn::CodeVerifier => {
                "
                update authorizations
                   set code_verifier = $4
                 where account_id = $1
                   and connection_id = $2
                   and code_verifier = $3"
            }
        };
        let count = on!(Tx(self), |db| {
            sqlx::query(sql)
                .bind(secret.connection.account.as_str())
                .bind(secret.connection.connection.to_string())
                .bind(secret.sealed.as_str())
                .bind(sealed.as_str())
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(if count == 0 { Resealed::Gone } else { Resealed::Replaced })
    }
}

/// What became of a secret that was to be sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    Replaced,
    /// Somebody replaced or forgot it meanwhile.
    Gone,
}

impl TryFrom<Row> for SealedSecret {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |problem: Invalid| Error::corrupt("connections", &problem);
        Ok(Self {
            connection: ConnectionKey {
                account: row.account_id.try_into().map_err(corrupt)?,
                connection: row.connection_id.parse().map_err(corrupt)?,
            },
            column: row.secret_column.parse().map_err(corrupt)?,
            sealed: Sealed::from_stored(row.sealed),
        })
    }
}
