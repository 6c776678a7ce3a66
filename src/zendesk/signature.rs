//! The signature of a webhook: whether a delivery comes from who knows its secret, and comes now.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::time::moment;
use crate::domain::{Invalid, Secret, Timestamp};

/// What Zendesk signs tests of webhooks with that were never saved. It is published, so that anybody
/// can sign with it.
const STATIC_TEST_SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";
/// The longest secret taken, in bytes: Zendesk's have some tens.
const MAX_SECRET_BYTES: usize = 1_024;
/// An HMAC of SHA-256.
const SIGNATURE_BYTES: usize = 32;
/// How far the time that was signed may lie from now, to either side. Zendesk names none; its peers
/// take as much.
pub const REPLAY_WINDOW: Duration = Duration::from_mins(5);

/// What a webhook is signed with. The text's own bytes are the key: it looks like base64 and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret(Secret);

impl SigningSecret {
    /// The secret, for the keyring.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }
}

impl TryFrom<Secret> for SigningSecret {
    type Error = Invalid;

    /// Takes any secret but none and the one that everybody knows.
    fn try_from(secret: Secret) -> Result<Self, Invalid> {
        let text = secret.expose();
        if text.trim() == STATIC_TEST_SECRET {
            return Err(Invalid::new("is the published secret for tests"));
        }
        if !(1..=MAX_SECRET_BYTES).contains(&text.len())
            || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Invalid::new("is no signing secret"));
        }
        Ok(Self(secret))
    }
}

/// Why a delivery is not believed. For the log: its sender is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the signature or its timestamp is missing")]
    Unsigned,
    #[error("the signature is not the base64 of 32 bytes")]
    NoSignature,
    #[error("the signature's timestamp is no moment in UTC")]
    NoTimestamp,
    #[error("the signature fits no secret")]
    Mismatch,
    /// Signed by who knows the secret: sent again, or one of the two clocks is wrong.
    #[error("the signature is genuine and its timestamp more than 5 minutes from now")]
    OutsideWindow,
    /// The same of a signature that could not be checked: it would not be believed either way.
    #[error("the timestamp is more than 5 minutes from now, whoever signed it")]
    OutsideWindowUnproven,
}

/// Where the time that was signed lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Within [`REPLAY_WINDOW`] of now.
    Inside,
    Outside,
}

/// The two headers of a delivery, as far as they can be judged without a secret.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    timestamp: &'a str,
    signature: [u8; SIGNATURE_BYTES],
    signed_at: Timestamp,
}

impl<'a> Presented<'a> {
    /// Reads the headers, empty where they are missing.
    ///
    /// # Errors
    /// When no secret could have made them.
    pub fn read(timestamp: &'a str, signature: &str) -> Result<Self, Forged> {
        if timestamp.is_empty() || signature.is_empty() {
            return Err(Forged::Unsigned);
        }
        let signature = BASE64_STANDARD.decode(signature).map_err(|_| Forged::NoSignature)?;
        let signature = signature.try_into().map_err(|_| Forged::NoSignature)?;
        if !timestamp.ends_with('Z') {
            return Err(Forged::NoTimestamp);
        }
        let signed_at = moment(timestamp).map_err(|_| Forged::NoTimestamp)?;
        Ok(Self { timestamp, signature, signed_at })
    }

    /// Where the time that it says it was signed at lies.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Window {
        let late = self.signed_at.plus(REPLAY_WINDOW) < now;
        let early = self.signed_at > now.plus(REPLAY_WINDOW);
        if late || early { Window::Outside } else { Window::Inside }
    }

    /// Checks the signature of a body as it came in.
    ///
    /// While a secret is replaced both the old and the new one are good. How long this takes says
    /// nothing about the secrets.
    ///
    /// # Errors
    /// When none of the secrets signed it, or not within [`REPLAY_WINDOW`] of now.
    pub fn verify(
        &self,
        secrets: &[SigningSecret],
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Forged> {
        let genuine = |secret| is_signed_by(secret, self.timestamp, &self.signature, body);
        // Each secret is tried, whichever of them fits.
        if secrets.iter().filter(|secret| genuine(secret)).count() == 0 {
            return Err(Forged::Mismatch);
        }
        match self.window(now) {
            Window::Inside => Ok(()),
            // After the signature, so that this is told of genuine deliveries only.
            Window::Outside => Err(Forged::OutsideWindow),
        }
    }
}

/// Compares in constant time.
fn is_signed_by(secret: &SigningSecret, timestamp: &str, signature: &[u8], body: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret.0.expose().as_bytes()).is_ok_and(|mac| {
        mac.chain_update(timestamp).chain_update(body).verify_slice(signature).is_ok()
    })
}

#[cfg(test)]
mod tests;
