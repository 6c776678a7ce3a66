//! Locking the accounts, and loading their connections.

use super::BatchKeys;
use crate::{
    domain::{AccountId, AccountRow, Kept, Position, Timestamp, WorkingSet},
    store::{
        Result,
        batch::row::{AccountRecord, ConnectionRecord, connection_key, corrupt},
        stage::{Stage, Staged, Text},
    },
};

pub(super) static LOCK: Staged = Staged::two_queries(
    &[("account_id", Text)],
    "account_id, head, last_commit_at, parked_count",
    "from accounts
      where account_id in (select stage.account_id from stage)
      order by account_id
        for no key update",
    // begin immediate has locked the whole database.
    "from accounts
      where account_id in (select stage.account_id from stage)",
);

pub(super) static CONNECTIONS: Staged = Staged::query(
    &[("account_id", Text), ("connection_id", Text)],
    "c.account_id, c.connection_id, c.state, c.mapped_at",
    "from stage s
       join connections c
         on c.account_id = s.account_id
        and c.connection_id = s.connection_id",
);

pub(super) fn lock(keys: &BatchKeys) -> Stage<'_> {
    let mut stage = LOCK.stage();
    for account in &keys.accounts {
        stage.push([account.as_str().into()]);
    }
    stage
}

pub(super) fn connections(keys: &BatchKeys) -> Stage<'_> {
    let mut stage = CONNECTIONS.stage();
    for key in &keys.connections {
        stage.push([key.account.as_str().into(), key.connection.to_string().into()]);
    }
    stage
}

pub(super) fn keep_accounts(set: &mut WorkingSet, records: Vec<AccountRecord>) -> Result<()> {
    for record in records {
        let bad = corrupt("accounts");
        let row = AccountRow {
            head: Position::try_from(record.head).map_err(&bad)?,
            last_commit_at: Timestamp::from_micros(record.last_commit_at).map_err(&bad)?,
            parked_count: record.parked_count,
        };
        let account: AccountId = record.account_id.try_into().map_err(&bad)?;
        set.accounts.insert(account, Kept::stored(row));
    }
    Ok(())
}

pub(super) fn keep_connections(set: &mut WorkingSet, records: Vec<ConnectionRecord>) -> Result<()> {
    for record in records {
        let key = connection_key("connections", record.account_id, &record.connection_id)?;
        let state = record.state.parse().map_err(corrupt("connections"))?;
        if record.mapped_at.is_some() {
            set.mappings.insert(key.clone(), Vec::new());
        }
        set.connections.insert(key, state);
    }
    Ok(())
}
