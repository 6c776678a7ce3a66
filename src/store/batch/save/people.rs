//! Saving contacts, and the requesters who are them.

use super::either;
use crate::{
    domain::{Origin, Timestamp, WorkingSet},
    store::{
        Result, Tx,
        stage::{Int, Kind, Staged, Text},
    },
};

impl Tx<'_> {
    pub(super) async fn save_contacts(&mut self, set: &WorkingSet, now: Timestamp) -> Result<()> {
        static INSERT: Staged = Staged::new(
            &[
                ("account_id", Text),
                ("contact_id", Text),
                ("email", Text),
                ("email_key", Text),
                ("name", Text),
                ("synced_at", Int),
                ("created_at", Int),
            ],
            "insert into contacts (account_id, contact_id, email, email_key, name, synced_at, created_at)
             select account_id, contact_id, email, email_key, name, synced_at, created_at
               from stage",
        );
        static UPDATE: Staged = Staged::new(
            &[("account_id", Text), ("contact_id", Text), ("synced_at", Int)],
            "update contacts
                set synced_at = stage.synced_at
               from stage
              where contacts.account_id = stage.account_id
                and contacts.contact_id = stage.contact_id",
        );
        let (mut insert, mut update) = (INSERT.stage(), UPDATE.stage());
        for ((account, key), contact) in &set.contacts {
            let row = contact.get();
            let id = row.id.to_string();
            let synced_at = row.synced_at.map(Timestamp::as_micros);
            match contact.pending() {
                Some(Origin::New) => insert.push([
                    account.as_str().into(),
                    id.into(),
                    row.email.as_str().into(),
                    key.as_str().into(),
                    row.name.as_str().into(),
                    synced_at.into(),
                    now.as_micros().into(),
                ]),
                Some(Origin::Stored) => {
                    update.push([account.as_str().into(), id.into(), synced_at.into()]);
                }
                None => {}
            }
        }
        insert.execute(self).await?;
        update.execute(self).await?;
        Ok(())
    }

    pub(super) async fn save_requesters(&mut self, set: &WorkingSet) -> Result<()> {
        const COLUMNS: &[(&str, Kind)] = &[
            ("account_id", Text),
            ("connection_id", Text),
            ("requester_id", Int),
            ("contact_id", Text),
            ("observed_at", Int),
            ("observed_event_id", Text),
        ];
        static INSERT: Staged = Staged::new(
            COLUMNS,
            "insert into requesters (account_id, connection_id, requester_id, contact_id, observed_at,
                                     observed_event_id)
             select account_id, connection_id, requester_id, contact_id, observed_at, observed_event_id
               from stage",
        );
        static UPDATE: Staged = Staged::new(
            COLUMNS,
            "update requesters
                set contact_id = stage.contact_id,
                    observed_at = stage.observed_at,
                    observed_event_id = stage.observed_event_id
               from stage
              where requesters.account_id = stage.account_id
                and requesters.connection_id = stage.connection_id
                and requesters.requester_id = stage.requester_id",
        );
        let (mut insert, mut update) = (INSERT.stage(), UPDATE.stage());
        for ((key, id), requester) in &set.requesters {
            let Some(stage) = either(requester.pending(), &mut insert, &mut update) else {
                continue;
            };
            let row = requester.get();
            stage.push([
                key.account.as_str().into(),
                key.connection.to_string().into(),
                id.get().into(),
                row.contact_id.to_string().into(),
                row.observed.at.as_micros().into(),
                row.observed.event_id.as_str().into(),
            ]);
        }
        insert.execute(self).await?;
        update.execute(self).await?;
        Ok(())
    }
}
