//! What there is to do for a connection at Zendesk: how far it is, when it goes on, what is wrong.
//!
//! Due is what `due_at` says, but not before `paused_until`.

use std::time::Duration;

use super::{
    Error, Result, Store, Tx,
    batch::corrupt,
    clock::{Clocked, clocked, micros},
    on::on,
};
use crate::domain::{ConnectionKey, TicketId, Timestamp, Trouble, ZendeskId};

/// How far the upkeep of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    pub due_at: Option<Timestamp>,
    pub paused_until: Timestamp,
    /// How often it has failed since it last went well.
    pub failure_count: i64,
    pub trouble: Option<Trouble>,
    /// When Zendesk last answered a fetch.
    pub fetched_at: Option<Timestamp>,
    pub export_cursor: Option<String>,
    pub export_due_at: Option<Timestamp>,
    /// Up to when the export was last read to its end.
    pub exported_at: Option<Timestamp>,
    pub webhook_due_at: Option<Timestamp>,
    pub requesters_due_at: Option<Timestamp>,
    /// The last requester who was asked for in the round that has begun then, and their ticket; none
    /// between two rounds.
    pub requesters_after: Option<(ZendeskId, TicketId)>,
}

impl Upkeep {
    /// When it is next to be looked after, if that is planned.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        self.due_at.map(|due_at| due_at.max(self.paused_until))
    }
}

/// The columns of an [`UpkeepRow`].
macro_rules! columns {
    () => {
        "due_at, paused_until, failure_count, problem, problem_detail, problem_at, fetched_at,
                   export_cursor, export_due_at, exported_at, webhook_due_at, requesters_due_at,
                   requesters_after, requesters_after_ticket"
    };
}

pub(super) use columns;

#[derive(sqlx::FromRow)]
pub(super) struct UpkeepRow {
    due_at: Option<i64>,
    paused_until: i64,
    failure_count: i64,
    problem: Option<String>,
    problem_detail: Option<String>,
    problem_at: Option<i64>,
    fetched_at: Option<i64>,
    export_cursor: Option<String>,
    export_due_at: Option<i64>,
    exported_at: Option<i64>,
    webhook_due_at: Option<i64>,
    requesters_due_at: Option<i64>,
    requesters_after: Option<i64>,
    requesters_after_ticket: Option<i64>,
}

impl TryFrom<UpkeepRow> for Upkeep {
    type Error = Error;

    fn try_from(row: UpkeepRow) -> Result<Self> {
        let corrupt = corrupt("upkeep");
        let time = |micros| Timestamp::from_micros(micros).map_err(&corrupt);
        let maybe = |micros: Option<i64>| micros.map(time).transpose();
        let trouble = match (row.problem, row.problem_at) {
            (Some(problem), Some(since)) => Some(Trouble {
                problem: problem.parse().map_err(&corrupt)?,
                detail: row.problem_detail.unwrap_or_default(),
                since: time(since)?,
            }),
            (_, _) => None,
        };
        let id = |id: Option<i64>| id.map(ZendeskId::try_from).transpose().map_err(&corrupt);
        let (requester, ticket) = (id(row.requesters_after)?, id(row.requesters_after_ticket)?);
        Ok(Self {
            due_at: maybe(row.due_at)?,
            paused_until: time(row.paused_until)?,
            failure_count: row.failure_count,
            trouble,
            fetched_at: maybe(row.fetched_at)?,
            export_cursor: row.export_cursor,
            export_due_at: maybe(row.export_due_at)?,
            exported_at: maybe(row.exported_at)?,
            webhook_due_at: maybe(row.webhook_due_at)?,
            requesters_due_at: maybe(row.requesters_due_at)?,
            requesters_after: requester.zip(ticket),
        })
    }
}

impl Store {
    /// How far the upkeep of a connection is; none if there was never anything to do.
    pub async fn upkeep(&self, key: &ConnectionKey) -> Result<Option<Upkeep>> {
        const SQL: &str = concat!(
            "
            select ",
            columns!(),
            "
              from upkeep
             where account_id = $1
               and connection_id = $2"
        );
        let row: Option<UpkeepRow> = self.row_of(key, SQL).await?;
        row.map(TryInto::try_into).transpose()
    }
}

impl Tx<'_> {
    /// Has a connection looked after from so long from now on, its webhook included, whatever it was told
    /// to wait for, and forgets what went wrong: somebody has put that right, or has changed what there
    /// is to do. Time is the database's, by which it is looked what is due. Comes under the account's
    /// lock.
    pub async fn revive_upkeep(&mut self, key: &ConnectionKey, after: Duration) -> Result<()> {
        // `where true` tells SQLite that what follows is no join.
        const SQL: Clocked = clocked!(
            "
                insert into upkeep (account_id, connection_id, lease_until, epoch, due_at, paused_until,
                                    failure_count, webhook_due_at)
                     select $1, $2, 0, 0, now + $3, 0, 0, now + $3
                       from clock
                      where true
                on conflict (account_id, connection_id) do update
                        set due_at = excluded.due_at, paused_until = 0, failure_count = 0,
                            problem = null, problem_detail = null, problem_at = null,
                            webhook_due_at = excluded.webhook_due_at"
        );
        let sql = self.pick(SQL.sqlite, SQL.postgres);
        on!(Tx(self), |db| {
            sqlx::query(sql)
                .bind(key.account.as_str())
                .bind(key.connection.to_string())
                .bind(micros(after))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
