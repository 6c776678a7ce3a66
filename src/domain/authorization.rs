//! An authorisation that a person has begun: its state, and the proof that we began it (PKCE).

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sha2::{Digest as _, Sha256};

use super::{ConnectionId, Sealed, Secret, Timestamp};

/// How long a person has to log in at Zendesk and agree.
pub const AUTHORIZATION_LIFETIME: Duration = Duration::from_mins(10);

/// The random bytes of a state and of a verifier: 256 bits, the 43 characters that PKCE asks for at
/// least (RFC 7636, 4.1).
pub type AuthorizationEntropy = [u8; 32];

/// What ties the browser that comes back to the authorisation that was begun. Unguessable.
#[derive(Debug, Clone)]
pub struct AuthorizationState(Secret);

impl AuthorizationState {
    /// Makes one from random bytes.
    #[must_use]
    pub fn new(random: &AuthorizationEntropy) -> Self {
        Self(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// Takes the text that came back. Whether it is one of ours only the store knows.
    #[must_use]
    pub fn presented(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The text that travels in the URL.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored: who reads the database cannot complete anybody's authorisation.
    #[must_use]
    pub fn hash(&self) -> StateHash {
        StateHash(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose())))
    }
}

/// SHA-256 of a state, in base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateHash(String);

impl StateHash {
    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// PKCE's secret (RFC 7636): only who holds it can exchange the code.
#[derive(Debug, Clone)]
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Makes one from random bytes.
    #[must_use]
    pub fn new(random: &AuthorizationEntropy) -> Self {
        Self(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random)))
    }

    /// The verifier as a secret, for the keyring and the exchange.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// What Zendesk is shown beforehand: method S256 (RFC 7636, 4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose()))
    }
}

impl From<Secret> for CodeVerifier {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

/// An authorisation as it is stored.
#[derive(Debug, Clone)]
pub struct Authorization {
    pub state_hash: StateHash,
    pub connection: ConnectionId,
    pub code_verifier: Sealed,
    pub expires_at: Timestamp,
    /// When its state came back; a state is good for once.
    pub used_at: Option<Timestamp>,
}

impl Authorization {
    /// Whether its state may still be used: not before, and not 10 minutes after it was begun.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun_at(now: Timestamp) -> Authorization {
        Authorization {
            state_hash: AuthorizationState::new(&[1; 32]).hash(),
            connection: ConnectionId(uuid::Uuid::nil()),
            code_verifier: Sealed::from_stored(String::new()),
            expires_at: now.plus(AUTHORIZATION_LIFETIME),
            used_at: None,
        }
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier =
            CodeVerifier(Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into()));
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_the_length_and_the_letters_of_rfc_7636() {
        for byte in [0, 0x5a, 0xff] {
            let verifier = CodeVerifier::new(&[byte; 32]);
            let text = verifier.secret().expose();
            assert!((43..=128).contains(&text.len()));
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        }
    }

    #[test]
    fn a_state_holds_all_of_its_random_bits_and_needs_no_escaping() {
        let state = AuthorizationState::new(&[0xfb; 32]);
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(state.expose()), Ok(vec![0xfb; 32]));
        assert!(state.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }

    #[test]
    fn the_hash_does_not_hold_the_state_and_is_the_same_when_it_comes_back() {
        let state = AuthorizationState::new(&[7; 32]);
        let back = AuthorizationState::presented(state.expose().to_owned());
        assert_eq!(state.hash(), back.hash());
        assert!(!state.hash().as_str().contains(state.expose()));
        assert_ne!(state.hash(), AuthorizationState::new(&[8; 32]).hash());
    }

    #[test]
    fn an_authorisation_is_open_for_ten_minutes_and_not_a_microsecond_longer() {
        let start = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let authorization = begun_at(start);
        let last = start.plus(AUTHORIZATION_LIFETIME).minus(Duration::from_micros(1));
        assert!(authorization.is_open(start));
        assert!(authorization.is_open(last));
        assert!(!authorization.is_open(start.plus(AUTHORIZATION_LIFETIME)));
    }

    #[test]
    fn a_used_authorisation_is_open_no_more() {
        let start = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        assert!(!Authorization { used_at: Some(start), ..begun_at(start) }.is_open(start));
    }

    #[test]
    fn neither_state_nor_verifier_shows_in_debug() {
        let shown =
            format!("{:?} {:?}", AuthorizationState::new(&[3; 32]), CodeVerifier::new(&[3; 32]));
        assert!(!shown.contains(CodeVerifier::new(&[3; 32]).secret().expose()), "{shown}");
    }
}
