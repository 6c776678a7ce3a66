//! `ticketsync keys`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{database::DatabaseArgs, encryption::EncryptionArgs};
use crate::{
    error::{Error, Result},
    service::{
        keyring,
        rotation::{Inventory, Rotation},
    },
    store::Store,
};

/// The arguments of `keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Print a new key. Nothing is stored: put it before the keys you have, restart every replica,
    /// then run `keys rotate`.
    Generate,
    /// Print how many stored secrets each key encrypts, and which of the keys is missing.
    List(StoredArgs),
    /// Encrypt with the first key whatever another one encrypts; afterwards the others can go. It
    /// may run beside a service on PostgreSQL; one on SQLite has to be stopped.
    Rotate(StoredArgs),
}

#[derive(Debug, Args)]
struct StoredArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
}

/// Looks after the keys.
pub async fn run(args: KeysArgs) -> Result<ExitCode> {
    match args.command {
        KeysCommand::Generate => generate(),
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Rotate(args) => rotate(args).await,
    }
}

fn generate() -> Result<ExitCode> {
    let pair = keyring::generate().map_err(|problem| Error::Unfit(problem.to_string()))?;
    println!("{}", pair.expose());
    Ok(ExitCode::SUCCESS)
}

async fn list(args: StoredArgs) -> Result<ExitCode> {
    let options = args.database.options();
    let keyring = args.encryption.existing_keyring(&options.url)?;
    let store = Store::open(&options).await?;
    let Inventory { by_key, malformed } = Inventory::take(&store).await?;
    store.close().await;
    for (at, key) in keyring.key_ids().enumerate() {
        let use_ = if at == 0 { "encrypts" } else { "decrypts" };
        println!("{key}\t{}\t{use_}", by_key.get(key).unwrap_or(&0));
    }
    let missing = by_key.iter().filter(|(key, _)| keyring.key_ids().all(|known| known != *key));
    for (key, count) in missing {
        println!("{key}\t{count}\tmissing");
    }
    if malformed > 0 {
        println!("?\t{malformed}\tnot encrypted by any key");
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(args: StoredArgs) -> Result<ExitCode> {
    let options = args.database.options();
    let keyring = args.encryption.existing_keyring(&options.url)?;
    let store = Store::open(&options).await?;
    let Rotation { resealed, unopened } = Rotation::run(&store, &keyring).await?;
    store.close().await;
    println!("{resealed} encrypted anew with {}", keyring.sealing_key());
    for (problem, count) in &unopened {
        println!("{count} left as they are: {problem}");
    }
    Ok(if unopened.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
