//! One reader's way through an account's trigger log.

mod portion;

use tokio::{
    select,
    time::{Instant, sleep_until},
};

pub use self::portion::MAX_BATCH_BYTES;
use self::portion::Portion;
use super::{
    feed::{Feed, StopAtHead, TailRequest, TailStart},
    wakeup::Wakeup,
};
use crate::{
    domain::{Cursor, LogEnds, Misplaced, Position},
    error::{Error, Result},
    store::{self, LogSlice, LoggedTrigger, ReadBounds, ReadFrom, TriggerFilter},
};

/// How many positions one read looks at: what a filter skips without finding anything must not keep
/// the database busy for long.
const READ_POSITIONS: i64 = 5_000;
/// After how many heartbeats without the database a tail ends.
const HEARTBEATS_WITHOUT_STORE: u32 = 2;

/// Follows an account's log. Keeps nothing in the database, and nothing open there between reads.
pub struct Tail {
    feed: Feed,
    request: TailRequest,
    wakeup: Wakeup,
    place: Place,
    /// How the log was when it was last read.
    ends: LogEnds,
    stop_at: Option<Position>,
    events_left: Option<u64>,
    portion: Portion,
    /// When the database last answered; before it ever did, when the tail began.
    heard_at: Instant,
    /// What was said last, and when.
    said: Option<(Position, Instant)>,
    ended: bool,
}

/// Where a tail stands.
enum Place {
    /// Nothing was read yet.
    Start(TailStart),
    At(Cursor),
}

/// What a tail says: events, or none as a sign of life.
#[derive(Debug, Clone)]
pub struct Batch {
    pub events: Vec<LoggedTrigger>,
    /// Resumes after the events, and after what the filter skipped.
    pub cursor: Cursor,
    pub ends: LogEnds,
}

impl Tail {
    pub(super) fn new(feed: Feed, request: TailRequest) -> Self {
        Self {
            wakeup: feed.listen(&request.account),
            place: Place::Start(request.start.clone()),
            ends: LogEnds::default(),
            stop_at: None,
            events_left: request.max_events,
            portion: Portion::default(),
            heard_at: Instant::now(),
            said: None,
            ended: false,
            feed,
            request,
        }
    }

    /// The next batch; none after the last one or after an error. The first comes after one read.
    pub async fn next(&mut self) -> Option<Result<Batch>> {
        if self.ended || self.is_complete() {
            return None;
        }
        let next = self.advance().await;
        self.ended = next.is_err();
        Some(next)
    }

    async fn advance(&mut self) -> Result<Batch> {
        let shutdown = self.feed.shutdown.clone();
        loop {
            self.wakeup.mark_seen();
            let read = select! {
                biased;
                () = shutdown.cancelled() => return Err(Error::ShuttingDown),
                read = self.read() => read,
            };
            match read {
                Ok(slice) => {
                    let (cursor, events) = self.take_in(slice)?;
                    let skipped = events.is_empty() && !self.is_caught_up(&cursor);
                    self.place = Place::At(cursor.clone());
                    if !events.is_empty() || self.must_speak() || self.is_complete() {
                        return Ok(self.say(cursor, events));
                    }
                    if skipped {
                        continue;
                    }
                }
                Err(Error::Store(error)) if self.can_outlast(&error) => {
                    if let Some(cursor) = self.cursor().filter(|_| self.must_speak()) {
                        return Ok(self.say(cursor.clone(), Vec::new()));
                    }
                }
                Err(error) => return Err(error),
            }
            let next_poll = Instant::now() + self.feed.poll();
            let next_word = self.said.map_or(next_poll, |(_, at)| at + self.feed.heartbeat());
            select! {
                () = shutdown.cancelled() => return Err(Error::ShuttingDown),
                () = self.wakeup.hint() => {}
                () = sleep_until(next_poll.min(next_word)) => {}
            }
        }
    }

    async fn read(&mut self) -> Result<LogSlice> {
        let account = &self.request.account;
        let from = match &self.place {
            Place::At(cursor) | Place::Start(TailStart::After(cursor)) => {
                ReadFrom::After(cursor.position)
            }
            Place::Start(TailStart::Earliest) => ReadFrom::EARLIEST,
            Place::Start(TailStart::Latest) => ReadFrom::LATEST,
            Place::Start(TailStart::CommittedAt(time)) => {
                let before = self.feed.store.position_before(account, *time).await?;
                ReadFrom::Nearest(before.unwrap_or_default())
            }
        };
        let bounds = self.bounds();
        let slice = self.feed.store.read_log(account, from, bounds, &self.request.filter).await?;
        self.heard_at = Instant::now();
        Ok(slice)
    }

    fn bounds(&self) -> ReadBounds {
        let stop = match (self.stop_at, self.cursor()) {
            (Some(stop_at), Some(cursor)) => stop_at.get() - cursor.position.get(),
            _ => i64::MAX,
        };
        let left =
            self.events_left.map_or(i64::MAX, |left| i64::try_from(left).unwrap_or(i64::MAX));
        ReadBounds {
            positions: READ_POSITIONS.min(stop),
            events: self.portion.read_events().min(left),
        }
    }

    /// Checks what was read against where the tail stands, and moves on to the end of it.
    fn take_in(&mut self, slice: LogSlice) -> Result<(Cursor, Vec<LoggedTrigger>)> {
        let LogSlice { ends, after, after_entropy, reach, reach_entropy, mut events } = slice;
        self.ends = ends;
        let start = Cursor {
            account: self.request.account.clone(),
            log: ends.log,
            position: after,
            check: after_entropy.unwrap_or_default(),
        };
        if let Place::At(cursor) | Place::Start(TailStart::After(cursor)) = &self.place {
            cursor.check(&ends, after_entropy).map_err(|misplaced| self.misplaced(misplaced))?;
        }
        if self.request.stop_at_head == StopAtHead::Yes && self.stop_at.is_none() {
            self.stop_at = Some(ends.head);
        }
        let asked = self.bounds().events;
        let is_full = i64::try_from(events.len()).is_ok_and(|count| count >= asked);
        if self.request.filter == TriggerFilter::default() {
            let up_to = if is_full { None } else { Some(reach) };
            self.check_unbroken(after, &events, up_to)?;
        }
        let is_cut = self.portion.fit(&mut events);
        let cursor = match events.last() {
            Some(LoggedTrigger { event, .. }) if is_full || is_cut => {
                Cursor { position: event.position, check: event.entropy, ..start }
            }
            _ if reach > after => {
                Cursor { position: reach, check: reach_entropy.unwrap_or_default(), ..start }
            }
            _ => start,
        };
        if let Some(left) = &mut self.events_left {
            *left = left.saturating_sub(events.len() as u64);
        }
        Ok((cursor, events))
    }

    /// Where nothing is filtered, every position has to come, up to the one read up to.
    fn check_unbroken(
        &self,
        after: Position,
        events: &[LoggedTrigger],
        up_to: Option<Position>,
    ) -> Result<()> {
        let mut last = after;
        for LoggedTrigger { event, .. } in events {
            if event.position != last.next() {
                return Err(self.misplaced(Misplaced::OutOfRange));
            }
            last = event.position;
        }
        if up_to.is_some_and(|up_to| last < up_to) {
            return Err(self.misplaced(Misplaced::OutOfRange));
        }
        Ok(())
    }

    fn say(&mut self, cursor: Cursor, events: Vec<LoggedTrigger>) -> Batch {
        self.said = Some((cursor.position, Instant::now()));
        Batch { events, cursor, ends: self.ends }
    }

    /// Whether it is time for a message, though there are no events.
    fn must_speak(&self) -> bool {
        self.said.is_none_or(|(_, at)| at.elapsed() >= self.feed.heartbeat())
    }

    /// Whether everything was said that the reader asked for.
    fn is_complete(&self) -> bool {
        self.said.is_some()
            && (self.events_left == Some(0)
                || self.stop_at.is_some_and(|stop_at| {
                    self.cursor().is_some_and(|cursor| cursor.position >= stop_at)
                }))
    }

    fn is_caught_up(&self, cursor: &Cursor) -> bool {
        cursor.position >= self.ends.head
    }

    /// Whether a tail that has begun may wait for the database to come back.
    fn can_outlast(&self, error: &store::Error) -> bool {
        let bound = self.feed.heartbeat() * HEARTBEATS_WITHOUT_STORE;
        matches!(error, store::Error::Unavailable(_) | store::Error::Collided(_))
            && self.said.is_some()
            && self.heard_at.elapsed() < bound
    }

    const fn cursor(&self) -> Option<&Cursor> {
        match &self.place {
            Place::At(cursor) => Some(cursor),
            Place::Start(_) => None,
        }
    }

    const fn misplaced(&self, misplaced: Misplaced) -> Error {
        match misplaced {
            Misplaced::OutOfRange => {
                Error::CursorOutOfRange { earliest: self.ends.floor.next(), head: self.ends.head }
            }
            Misplaced::Diverged => Error::LogDiverged,
        }
    }
}
