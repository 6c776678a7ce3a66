//! Which keys a command encrypts tokens with.

use clap::Args;
use tracing::warn;

use super::discreet::Discreet;
use crate::{
    error::{Error, Result},
    service::{
        Keyring,
        key_file::{self, KeyFileError, Origin},
    },
    store::DatabaseUrl,
};

/// The keys.
#[derive(Debug, Args)]
pub struct EncryptionArgs {
    /// The keys that tokens are encrypted with, as `ID:KEY[,ID:KEY…]`: the first one encrypts, all
    /// decrypt. `ticketsync keys generate` makes one. Best given by the environment. With SQLite
    /// they may be left out: they are then in a file beside the database, `PATH.key`, one a line,
    /// which `serve` makes if it is not there.
    #[arg(
        long,
        env = "TICKETSYNC_ENCRYPTION_KEYS",
        value_name = "KEYS",
        hide_env_values = true,
        value_parser = Discreet::<Keyring>::new()
    )]
    encryption_keys: Option<Keyring>,
}

impl EncryptionArgs {
    /// The keys given, or those beside an embedded database, made if there are none. The replicas on
    /// a server share theirs, so that they have to be given.
    pub fn keyring(self, database: &DatabaseUrl) -> Result<Keyring> {
        if let Some(given) = self.encryption_keys {
            return Ok(given);
        }
        let DatabaseUrl::Sqlite(path) = database else { return Err(keys_needed()) };
        let path = key_file::beside(path);
        let (keyring, origin) = key_file::open(&path).map_err(|error| unfit(&error))?;
        if origin == Origin::Generated {
            let file = path.display();
            warn!(%file, "made a key to encrypt tokens with: back it up with the database");
        }
        Ok(keyring)
    }

    /// The keys given, or those beside an embedded database, which are not made.
    pub fn existing_keyring(self, database: &DatabaseUrl) -> Result<Keyring> {
        match (self.encryption_keys, database) {
            (Some(given), _) => Ok(given),
            (None, DatabaseUrl::Sqlite(path)) => {
                key_file::read(&key_file::beside(path)).map_err(|error| unfit(&error))
            }
            (None, DatabaseUrl::Postgres(..)) => Err(keys_needed()),
        }
    }
}

fn keys_needed() -> Error {
    Error::Unfit("PostgreSQL needs --encryption-keys: `ticketsync keys generate` makes one".into())
}

fn unfit(error: &KeyFileError) -> Error {
    Error::Unfit(error.to_string())
}
