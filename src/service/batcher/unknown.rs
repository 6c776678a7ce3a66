//! A commit that was cut off: what its batch is answered once a later try has told.

use crate::{
    domain::{Receipt, Rejection},
    error::{Error, Result},
};

/// What each event of a batch is answered, in the batch's order.
pub(super) type Answers = Vec<Result<Receipt>>;

/// The tries of a batch whose commit was cut off, by what they would have answered.
#[derive(Default)]
pub(super) struct Unknown {
    tries: Vec<Vec<Result<Receipt, Rejection>>>,
}

impl Unknown {
    pub(super) fn note(&mut self, answers: Vec<Result<Receipt, Rejection>>) {
        self.tries.push(answers);
    }

    pub(super) const fn is_noted(&self) -> bool {
        !self.tries.is_empty()
    }

    /// What to answer now that a later try has committed: where it found what one of the cut-off
    /// tries had stored, that try's answer; else its own. An event that is refused by now, since its
    /// connection was ended meanwhile, may be stored all the same.
    pub(super) fn resolve(&self, answers: Vec<Result<Receipt, Rejection>>) -> Answers {
        let before = |at: usize| self.tries.iter().filter_map(move |answers| answers.get(at));
        answers
            .into_iter()
            .enumerate()
            .map(|(at, answer)| match answer {
                Ok(receipt) if before(at).any(|answer| *answer == Ok(receipt.first())) => {
                    Ok(receipt.first())
                }
                Err(_) if before(at).any(|answer| answer.is_ok_and(Receipt::is_new)) => {
                    Err(Error::OutcomeUnknown)
                }
                other => other.map_err(Error::from),
            })
            .collect()
    }
}
