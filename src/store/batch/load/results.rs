//! Loading what became of the events before.

use super::BatchKeys;
use crate::{
    domain::{Kept, WorkingSet},
    store::{
        Result, Tx,
        batch::row::ResultRecord,
        stage::{Staged, Text},
    },
};

impl Tx<'_> {
    pub(super) async fn load_results(
        &mut self,
        set: &mut WorkingSet,
        keys: &BatchKeys,
    ) -> Result<()> {
        static LOAD: Staged = Staged::query(
            &[("account_id", Text), ("connection_id", Text), ("event_id", Text)],
            "e.account_id, e.connection_id, e.event_id, e.ticket_id, e.outcome, e.contact_id,
             e.position, e.content_hash",
            "from stage s
               join events e
                 on e.account_id = s.account_id
                and e.connection_id = s.connection_id
                and e.event_id = s.event_id",
        );
        let mut stage = LOAD.stage();
        for (key, id) in &keys.events {
            let connection = key.connection.to_string();
            stage.push([key.account.as_str().into(), connection.into(), id.as_str().into()]);
        }
        for record in stage.fetch::<ResultRecord>(self).await? {
            let (key, row) = record.read()?;
            set.results.insert(key, Kept::stored(row));
        }
        Ok(())
    }
}
