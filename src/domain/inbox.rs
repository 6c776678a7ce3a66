//! Hints on their way in: stored once, until their tickets were fetched and applied.

use super::{ConnectionKey, Hint, Rejection, Timestamp, WaitingHint, WorkingSet};

/// What is answered to a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HintAnswer {
    Stored,
    /// It waits already, or was applied.
    Duplicate,
}

impl WorkingSet {
    /// Stores a hint, to be fetched. The ids of a batch's hints are among those it was loaded for.
    ///
    /// # Errors
    /// Where the connection takes no events (rule 2).
    pub fn keep(
        &mut self,
        connection: &ConnectionKey,
        hint: Hint,
        now: Timestamp,
    ) -> Result<HintAnswer, Rejection> {
        self.check_connection(connection)?;
        let key = (connection.clone(), hint.id.clone());
        if self.results.contains_key(&key) || !self.inbox.insert(key) {
            return Ok(HintAnswer::Duplicate);
        }
        self.heard.insert(connection.clone());
        self.hints.push((connection.clone(), WaitingHint::new(hint, now)));
        Ok(HintAnswer::Stored)
    }
}
