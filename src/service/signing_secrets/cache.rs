//! What is known for a moment of the connections whose webhooks were called.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::{ConnectionId, ConnectionKey, WebhookState},
    zendesk::SigningSecret,
};

/// How long secrets are used before they are read again: a database that is asked by every delivery
/// would be asked thousands of times a second, and a change is seen within seconds.
pub(super) const CACHE_LIFE: Duration = Duration::from_secs(5);
/// How long it is taken for granted that there is no connection of an id, or no secret of one: who
/// calls an address of nobody makes the database work once a second.
///
/// No delivery is lost by it. Zendesk does not repeat what is answered 404, but an id is random, and
/// given to Zendesk with the address of a webhook only after its connection was committed: whoever
/// calls it before that has guessed. A connection that is there and takes no events is therefore not
/// kept: it can be finished at any moment, with its webhook at Zendesk still calling. What has no
/// secret yet is answered 503, which Zendesk repeats.
pub(super) const ABSENCE_LIFE: Duration = Duration::from_secs(1);
/// The most connections whose secrets are kept, at some hundred bytes each.
const MAX_CACHED: usize = 10_000;
/// The most ids of no connection that are kept, at some tens of bytes each. Apart from the others, so
/// that those who guess ids take no place from those who are called.
const MAX_ABSENT: usize = 10_000;

/// What the database says of an id.
#[derive(Clone)]
pub(super) enum Found {
    /// No connection has it.
    Nobody,
    /// Its connection takes no events.
    Closed,
    Owner(Owner),
}

/// A connection that takes events.
#[derive(Clone)]
pub(super) struct Owner {
    pub connection: ConnectionKey,
    pub webhook: WebhookState,
    /// None where there is nothing to check with yet, or it does not open.
    pub secrets: Arc<[SigningSecret]>,
    pub read_at: Instant,
}

/// What was found lately.
#[derive(Default)]
pub(super) struct Cache {
    owners: HashMap<ConnectionId, Owner>,
    absent: HashMap<ConnectionId, Instant>,
}

impl Cache {
    pub(super) fn find(&self, id: ConnectionId, max_age: Duration) -> Option<Found> {
        if let Some(owner) = self.owners.get(&id) {
            let is_fresh = owner.is_fresh() && owner.read_at.elapsed() < max_age;
            return is_fresh.then(|| Found::Owner(owner.clone()));
        }
        self.absent.get(&id).filter(|read_at| is_absent(read_at)).map(|_| Found::Nobody)
    }

    /// Takes note of what was found by a read that began then.
    pub(super) fn keep(&mut self, id: ConnectionId, found: &Found, read_at: Instant) {
        self.owners.remove(&id);
        self.absent.remove(&id);
        match found {
            Found::Nobody => insert(&mut self.absent, MAX_ABSENT, id, read_at, is_absent),
            Found::Closed => {}
            Found::Owner(owner) => {
                insert(&mut self.owners, MAX_CACHED, id, owner.clone(), Owner::is_fresh);
            }
        }
    }
}

impl Owner {
    fn is_fresh(&self) -> bool {
        let life = if self.secrets.is_empty() { ABSENCE_LIFE } else { CACHE_LIFE };
        self.read_at.elapsed() < life
    }
}

fn is_absent(read_at: &Instant) -> bool {
    read_at.elapsed() < ABSENCE_LIFE
}

/// Adds an entry where there is room once those that are fresh no more are gone. Else it is read anew.
fn insert<V>(
    map: &mut HashMap<ConnectionId, V>,
    limit: usize,
    id: ConnectionId,
    value: V,
    is_fresh: impl Fn(&V) -> bool,
) {
    if map.len() >= limit {
        map.retain(|_, value| is_fresh(value));
    }
    if map.len() < limit {
        map.insert(id, value);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Secret;

    fn owner(secrets: &[&str]) -> Found {
        let secret = |text: &&str| SigningSecret::try_from(Secret::new((*text).into())).unwrap();
        let key = ConnectionKey {
            account: "acme".to_owned().try_into().unwrap(),
            connection: ConnectionId(Uuid::nil()),
        };
        let secrets = secrets.iter().map(secret).collect();
        let webhook = WebhookState::Registered;
        Found::Owner(Owner { connection: key, webhook, secrets, read_at: Instant::now() })
    }

    /// What is known of the id, in a word.
    fn known(cache: &Cache, id: ConnectionId) -> &'static str {
        match cache.find(id, CACHE_LIFE) {
            None => "nothing",
            Some(Found::Nobody) => "nobody",
            Some(Found::Closed) => "closed",
            Some(Found::Owner(owner)) if owner.secrets.is_empty() => "no secret",
            Some(Found::Owner(_)) => "an owner",
        }
    }

    #[test]
    fn what_was_found_last_counts_and_a_connection_that_takes_no_events_is_not_kept() {
        let (mut cache, id) = (Cache::default(), ConnectionId(Uuid::new_v4()));
        let steps = [
            (Found::Nobody, "nobody"),
            (owner(&[]), "no secret"),
            (owner(&["secret"]), "an owner"),
            (Found::Closed, "nothing"),
            (owner(&["secret"]), "an owner"),
            (Found::Nobody, "nobody"),
        ];
        for (found, expected) in steps {
            cache.keep(id, &found, Instant::now());
            assert_eq!(known(&cache, id), expected);
            assert_eq!(known(&cache, ConnectionId(Uuid::new_v4())), "nothing");
        }
    }

    #[test]
    fn an_absence_is_kept_for_less_long_than_a_secret() {
        let (mut cache, id) = (Cache::default(), ConnectionId(Uuid::new_v4()));
        let Some(long_ago) = Instant::now().checked_sub(ABSENCE_LIFE) else { return };
        cache.keep(id, &Found::Nobody, long_ago);
        assert_eq!(known(&cache, id), "nothing");
        for (secrets, expected) in [(&[][..], "nothing"), (&["secret"], "an owner")] {
            let Found::Owner(owner) = owner(secrets) else { panic!("no owner") };
            let found = Found::Owner(Owner { read_at: long_ago, ..owner });
            cache.keep(id, &found, long_ago);
            assert_eq!(known(&cache, id), expected);
        }
        assert!(cache.find(id, ABSENCE_LIFE).is_none(), "it is older than that");
    }

    #[test]
    fn those_who_guess_ids_take_no_place_from_others_and_no_more_than_their_own() {
        let mut cache = Cache::default();
        for _ in 0..=MAX_ABSENT {
            cache.keep(ConnectionId(Uuid::new_v4()), &Found::Nobody, Instant::now());
        }
        assert!(cache.absent.len() <= MAX_ABSENT);
        let id = ConnectionId(Uuid::new_v4());
        cache.keep(id, &owner(&["secret"]), Instant::now());
        assert_eq!(known(&cache, id), "an owner");
    }
}
