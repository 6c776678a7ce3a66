//! Loading which of a batch's hints wait already.

use serde::Deserialize;

use super::BatchKeys;
use crate::{
    domain::WorkingSet,
    store::{
        Result, Tx,
        batch::row::{connection_key, corrupt},
        stage::{Staged, Text},
    },
};

#[derive(sqlx::FromRow, Deserialize)]
struct HintRecord {
    account_id: String,
    connection_id: String,
    event_id: String,
}

impl Tx<'_> {
    pub(super) async fn load_inbox(
        &mut self,
        set: &mut WorkingSet,
        keys: &BatchKeys,
    ) -> Result<()> {
        static LOAD: Staged = Staged::query(
            &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
            "i.account_id, i.connection_id, i.event_id",
            "from stage s
               join inbox i
                 on i.account_id = s.account_id
                and i.connection_id = s.connection_id
                and i.event_id = s.event_id",
        );
        let mut stage = LOAD.stage();
        for (key, id) in &keys.hints {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        for record in stage.fetch::<HintRecord>(self).await? {
            let key = connection_key("inbox", record.account_id, &record.connection_id)?;
            let id = record.event_id.try_into().map_err(corrupt("inbox"))?;
            set.inbox.insert((key, id));
        }
        Ok(())
    }
}
