//! An account to write to, and what it holds.

use crate::support::{Clients, Connected, Database, Session, created, updated};

/// An account with a synced ticket and a parked event. The connection waits for its finish where
/// that is what will be written: an ACTIVE one has nothing to finish.
pub async fn account(db: &Database, clients: &Clients, name: &str) -> Connected {
    let to = db.active_connection(name).await;
    for event in [
        created("before-1", 1).requester(901, "ann@example.com"),
        updated("before-2", 1, 10).requester(901, "ann@example.com"),
        created("parked", 3).requester(903, ""),
    ] {
        clients.send(&to, event).await.unwrap();
    }
    to
}

/// What an account holds, but for what chance and the clock decide.
pub async fn state(session: &mut Session, to: &Connected) -> Vec<String> {
    const QUERIES: [&str; 7] = [
        "select 'head ' || head || ' parked ' || parked_count from accounts where account_id = ",
        "select 'log ' || position || ' ' || kind || ' ' || event_id || ' ' ||
                case when ticket is null then 'erased' else 'whole' end
           from triggers where account_id = ",
        "select 'ticket ' || ticket_id || ' ' || state || ' ' || updated_at || ' ' ||
                observed_event_id || ' ' || created_logged || ' ' ||
                case when content is null then 'erased' else 'whole' end
           from tickets where account_id = ",
        "select 'contact ' || email_key || case when synced_at is null then '' else ' synced' end
           from contacts where account_id = ",
        "select 'parked ' || event_id from parked_events where account_id = ",
        "select 'event ' || event_id || ' ' || outcome || ' ' || coalesce(position, 0)
           from events where account_id = ",
        "select 'connection ' || state from connections where account_id = ",
    ];
    let mut state = Vec::new();
    for query in QUERIES {
        state.extend(session.texts(&format!("{query} '{}'", to.account_id)).await);
    }
    state.sort();
    state
}
