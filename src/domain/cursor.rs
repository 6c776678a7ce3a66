//! Cursors: places in a log that a reader keeps, and how a log knows them again.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{AccountId, Invalid, LogId, Position};

/// The version of the text form.
const VERSION: u8 = 1;
/// How many bytes of the account's hash a cursor carries: it tells accounts apart where they were
/// mixed up by mistake; the log's id does the rest.
const ACCOUNT_BYTES: usize = 8;
const LOG_BYTES: usize = 16;
const NUMBER_BYTES: usize = 8;
const BYTES: usize = 1 + ACCOUNT_BYTES + LOG_BYTES + 2 * NUMBER_BYTES;

/// The place after an event of an account's log. Its text form is opaque, fits an account, and has
/// 55 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub account: AccountId,
    /// Which history of the log it was read from. None when the service had not taken the account
    /// up: the cursor then stands before the first event of whichever log there will be.
    pub log: Option<LogId>,
    pub position: Position,
    /// The entropy of the event at the position; 0 where there was none to be seen.
    pub check: i64,
}

/// What a log holds: the positions after `floor` up to `head`. An account that the service has not
/// taken up has an empty log without an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogEnds {
    pub log: Option<LogId>,
    pub floor: Position,
    pub head: Position,
}

/// Why a log cannot be read on from a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// The log no longer holds what comes next, or does not reach this far.
    OutOfRange,
    /// The cursor is from another history.
    Diverged,
}

impl Cursor {
    /// Reads a cursor that was received for this account.
    ///
    /// # Errors
    /// When it is none, or another account's.
    pub fn parse(text: &str, account: &AccountId) -> Result<Self, Invalid> {
        let no_cursor = || Invalid::new("is no cursor of this service");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| no_cursor())?;
        let bytes: [u8; BYTES] = bytes.try_into().map_err(|_| no_cursor())?;
        let (version, rest) = bytes.split_first().ok_or_else(no_cursor)?;
        let (of_account, rest) = rest.split_first_chunk().ok_or_else(no_cursor)?;
        let (log, rest) = rest.split_first_chunk().ok_or_else(no_cursor)?;
        let (position, rest) = rest.split_first_chunk().ok_or_else(no_cursor)?;
        let check = rest.first_chunk().ok_or_else(no_cursor)?;
        if *version != VERSION {
            return Err(no_cursor());
        }
        if *of_account != account_bytes(account) {
            return Err(Invalid::new("is a cursor of another account"));
        }
        let log = Uuid::from_bytes(*log);
        let cursor = Self {
            account: account.clone(),
            log: (!log.is_nil()).then_some(LogId(log)),
            position: i64::from_be_bytes(*position).try_into().map_err(|_| no_cursor())?,
            check: i64::from_be_bytes(*check),
        };
        if cursor.log.is_none() && cursor.position != Position::START {
            return Err(no_cursor());
        }
        Ok(cursor)
    }

    /// The text form.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend(account_bytes(&self.account));
        bytes.extend(self.log.map_or(Uuid::nil(), |log| log.0).as_bytes());
        bytes.extend(self.position.get().to_be_bytes());
        bytes.extend(self.check.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Checks that the log can be read on from here. `entropy` is that of the event at the
    /// position, where the log still has it; at the floor there is nothing left to compare.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self, ends: &LogEnds, entropy: Option<i64>) -> Result<(), Misplaced> {
        if self.log.is_some() && self.log != ends.log {
            return Err(Misplaced::Diverged);
        }
        if self.position < ends.floor || self.position > ends.head {
            return Err(Misplaced::OutOfRange);
        }
        if self.position > ends.floor && entropy != Some(self.check) {
            return Err(Misplaced::Diverged);
        }
        Ok(())
    }
}

fn account_bytes(account: &AccountId) -> [u8; ACCOUNT_BYTES] {
    let mut bytes = [0; ACCOUNT_BYTES];
    bytes.copy_from_slice(&Sha256::digest(account.as_str())[..ACCOUNT_BYTES]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        id.to_owned().try_into().unwrap()
    }

    fn at(position: i64) -> Position {
        position.try_into().unwrap()
    }

    const LOG: LogId = LogId(Uuid::from_u128(7));

    fn cursor(position: i64) -> Cursor {
        Cursor { account: account("acme"), log: Some(LOG), position: at(position), check: -5 }
    }

    fn ends(floor: i64, head: i64) -> LogEnds {
        LogEnds { log: Some(LOG), floor: at(floor), head: at(head) }
    }

    #[test]
    fn a_cursor_reads_back_as_it_was_written() {
        for cursor in [cursor(0), cursor(i64::MAX), Cursor { log: None, ..cursor(0) }] {
            let text = cursor.to_text();
            assert_eq!(text.len(), 55);
            assert_eq!(Cursor::parse(&text, &account("acme")).unwrap(), cursor);
        }
    }

    #[test]
    fn a_cursor_fits_its_account_only() {
        let problem = Cursor::parse(&cursor(3).to_text(), &account("acme2")).unwrap_err();
        assert_eq!(problem.0, "is a cursor of another account");
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let text = cursor(3).to_text();
        let no_log = Cursor { log: None, ..cursor(3) }.to_text();
        let negative = "AQ".to_owned() + &"_".repeat(53);
        for text in ["", "x", &text[1..], &format!("{text}AAAA"), &no_log, &negative] {
            assert!(Cursor::parse(text, &account("acme")).is_err(), "{text}");
        }
    }

    #[test]
    fn a_cursor_is_known_again_by_the_event_at_its_position() {
        assert_eq!(cursor(3).check(&ends(0, 9), Some(-5)), Ok(()));
        assert_eq!(cursor(3).check(&ends(0, 9), Some(6)), Err(Misplaced::Diverged));
        let other = LogEnds { log: Some(LogId(Uuid::from_u128(8))), ..ends(0, 9) };
        assert_eq!(cursor(3).check(&other, Some(-5)), Err(Misplaced::Diverged));
        assert_eq!(cursor(3).check(&LogEnds::default(), None), Err(Misplaced::Diverged));
    }

    #[test]
    fn the_floor_is_the_earliest_place_to_read_on_from() {
        assert_eq!(cursor(3).check(&ends(3, 9), None), Ok(()));
        assert_eq!(cursor(3).check(&ends(4, 9), None), Err(Misplaced::OutOfRange));
        assert_eq!(cursor(9).check(&ends(4, 9), Some(-5)), Ok(()));
        assert_eq!(cursor(10).check(&ends(4, 9), None), Err(Misplaced::OutOfRange));
    }

    #[test]
    fn a_cursor_from_before_the_log_fits_whichever_log_begins() {
        let before = Cursor { log: None, position: Position::START, check: 0, ..cursor(0) };
        assert_eq!(before.check(&LogEnds::default(), None), Ok(()));
        assert_eq!(before.check(&ends(0, 9), None), Ok(()));
        assert_eq!(before.check(&ends(2, 9), None), Err(Misplaced::OutOfRange));
    }
}
