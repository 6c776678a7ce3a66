//! Token answers that are held back for as long as somebody wants, whatever a clock says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// The answers that are to be held back, in the order in which they were asked for. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Holds(Arc<Mutex<VecDeque<Hold>>>);

struct Hold {
    made: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

/// An answer that brings new tokens and is held back. Dropped, it goes on.
pub struct HeldAnswer {
    made: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Holds {
    /// Has the next answer held back that nobody else holds.
    pub(super) fn add(&self) -> HeldAnswer {
        let (made, waiting) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.lock().push_back(Hold { made, released });
        HeldAnswer { made: waiting, release }
    }

    /// Holds back an answer that is made, if one is to be held back.
    pub(super) async fn pass(&self) {
        let hold = self.lock().pop_front();
        if let Some(Hold { made, released }) = hold {
            made.send(()).ok();
            released.await.ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldAnswer {
    /// Waits until the answer is made: the old tokens are dead from then on, and nobody has the new
    /// ones.
    ///
    /// # Errors
    /// When the help desk is gone before that.
    pub async fn made(&mut self) -> Result<(), oneshot::error::RecvError> {
        (&mut self.made).await
    }

    /// Lets it go on.
    pub fn release(self) {
        self.release.send(()).ok();
    }
}
