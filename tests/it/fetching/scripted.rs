//! A connection to a Zendesk that answers by a script.

use serde_json::{Value, json};
use ticketsync::{sandbox::zendesk::Switches, service::UpkeepOptions};

use super::Synced;
use crate::{
    sandbox::desk::HelpDesk,
    support::{Database, Reply, Script},
};

impl Synced {
    /// An ACTIVE connection, looked after in this way, to a Zendesk that gives these answers once it
    /// has given a token.
    pub async fn scripted(
        db: &Database,
        options: UpkeepOptions,
        replies: impl IntoIterator<Item = Reply>,
    ) -> (Self, Script) {
        let token = json!({"access_token": "a", "token_type": "bearer", "scope": "tickets:read"});
        let script = Script::start([Reply::json(&token)].into_iter().chain(replies)).await;
        let base = format!("http://{}/", script.address);
        let desk = HelpDesk::misbehaving(Switches::default()).await;
        let synced = Self::calling(db, &base, desk, options).await;
        synced.agree_to_script().await;
        synced.finish().await;
        (synced, script)
    }
}

/// A page of the export, without tickets.
pub fn export(after_cursor: &str, end_of_stream: bool) -> Reply {
    Reply::json(&json!({
        "tickets": [], "after_cursor": after_cursor, "end_of_stream": end_of_stream,
    }))
}

/// An answer that names these users.
pub fn users(users: &[Value]) -> Reply {
    Reply::json(&json!({ "users": users }))
}

/// What was asked of this path, as queries.
pub fn queries(script: &Script, path: &str) -> Vec<String> {
    let calls = script.asked().into_iter().filter_map(|call| {
        let (asked, query) = call.path.split_once('?')?;
        asked.ends_with(path).then(|| query.to_owned())
    });
    calls.collect()
}
