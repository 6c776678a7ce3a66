//! The ways in which the small Zendesk can be made to misbehave, while it runs.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{error::ApiError, history::MAX_LAG};
use crate::{clock, domain::Timestamp};

/// How a help desk misbehaves. By default not at all, and without limits.
///
/// Chances lie between 0 and 1. What they decide follows from the seed and the number of the event
/// or request alone, so that the same happenings in the same order fare the same again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    pub seed: u64,
    /// The chance that an event is never delivered.
    pub drop: f64,
    /// The chance that an event is delivered twice.
    pub double: f64,
    /// The chance that an event is held back while later ones pass, and for how long at most.
    pub reorder: f64,
    pub reorder_ms: u64,
    /// The chance that an event comes late, and how late.
    pub delay: f64,
    pub delay_ms: u64,
    /// The chance that an event holds no more of its ticket than the id.
    pub sparse: f64,
    /// The chance that a call of the API is answered 500.
    pub fail: f64,
    /// Whether every call of the API is answered 429, and how long its `Retry-After` says to wait.
    pub throttle: bool,
    pub retry_after_seconds: u64,
    /// The chance that the connection is cut where a token answer was made: the tokens are changed
    /// here, and the client never hears of it.
    pub cut_token_answers: f64,
    /// How long an answer is held back once it is made: of the token endpoint, and of the API.
    pub hold_token_answers_ms: u64,
    pub hold_answers_ms: u64,
    /// How long ago things stood as they are read, at most a minute.
    pub lag_ms: u64,
    /// How many calls of the API an account may make a minute; none for no limit.
    pub calls_per_minute: Option<u32>,
    /// How many pages of the export an account may read a minute; none for no limit.
    pub exports_per_minute: Option<u32>,
    /// How many tickets a page of the export holds, from 1 on. Zendesk's is 1,000; a smaller one makes
    /// a reader of the sandbox turn pages.
    pub export_page: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            seed: 0,
            drop: 0.0,
            double: 0.0,
            reorder: 0.0,
            reorder_ms: 500,
            delay: 0.0,
            delay_ms: 5_000,
            sparse: 0.0,
            fail: 0.0,
            throttle: false,
            retry_after_seconds: 1,
            cut_token_answers: 0.0,
            hold_token_answers_ms: 0,
            hold_answers_ms: 0,
            lag_ms: 0,
            calls_per_minute: None,
            exports_per_minute: None,
            export_page: 100,
        }
    }
}

impl Switches {
    /// Where between 0 and 1 the die lands that decides `what` of the event or request.
    pub(super) fn roll(&self, what: &str, number: u64) -> f64 {
        let mut seed = Sha256::new();
        seed.update(self.seed.to_be_bytes());
        seed.update(number.to_be_bytes());
        seed.update(what);
        StdRng::from_seed(seed.finalize().into()).random()
    }

    /// Whether what has this chance happens to the event or request.
    pub(super) fn strikes(&self, what: &str, chance: f64, number: u64) -> bool {
        chance > 0.0 && self.roll(what, number) < chance
    }

    /// The moment that reads show: [`Timestamp::MAX`] for now.
    pub(super) fn read_moment(&self) -> Timestamp {
        match self.lag_ms {
            0 => Timestamp::MAX,
            lag => clock::now().minus(Duration::from_millis(lag)),
        }
    }

    /// Those that do not stand as at the beginning.
    pub(super) fn unusual(&self) -> Map<String, Value> {
        let (usual, now) = (json!(Self::default()), json!(self));
        let now = now.as_object().into_iter().flatten();
        now.filter(|(name, value)| usual[name.as_str()] != **value)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    fn check(&self) -> Result<(), ApiError> {
        let chances = [
            self.drop,
            self.double,
            self.reorder,
            self.delay,
            self.sparse,
            self.fail,
            self.cut_token_answers,
        ];
        if !chances.iter().all(|chance| (0.0..=1.0).contains(chance)) {
            return Err(ApiError::bad("a chance lies between 0 and 1"));
        }
        if self.export_page == 0 {
            return Err(ApiError::bad("export_page: at least 1"));
        }
        if u128::from(self.lag_ms) > MAX_LAG.as_millis() {
            return Err(ApiError::bad("lag_ms: at most a minute"));
        }
        Ok(())
    }
}

/// The switches of a running help desk. Cheap to clone.
#[derive(Clone, Default)]
pub struct Switchboard(Arc<Mutex<Switches>>);

impl Switchboard {
    /// Starts with these.
    #[must_use]
    pub fn new(switches: Switches) -> Self {
        Self(Arc::new(Mutex::new(switches)))
    }

    /// How they stand.
    #[must_use]
    pub fn read(&self) -> Switches {
        self.lock().clone()
    }

    /// Turns some; the others stay.
    pub fn turn(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock());
    }

    /// Puts all in place of what they were.
    pub(super) fn replace(&self, switches: Switches) -> Result<(), ApiError> {
        switches.check()?;
        *self.lock() = switches;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Switches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
