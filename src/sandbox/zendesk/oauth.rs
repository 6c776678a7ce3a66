//! The grants of the small Zendesk: authorisation codes that live shortly and tokens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::pace::Pace;
use crate::domain::Timestamp;

/// How long a code can be exchanged, as at Zendesk.
pub const CODE_LIFETIME: Duration = Duration::from_mins(2);

/// The application that may ask for access.
pub struct OAuthClient {
    pub id: String,
    pub secret: String,
    /// Where the browser is sent back to; compared whole.
    pub redirect_url: String,
}

/// Why an exchange was refused; the words are OAuth's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    #[error("invalid_client")]
    InvalidClient,
    #[error("invalid_grant")]
    InvalidGrant,
}

/// What a person has agreed to.
pub struct Consent {
    pub redirect_url: String,
    pub scope: String,
    /// base64url(SHA-256(verifier)).
    pub code_challenge: String,
}

/// What a code is exchanged with.
pub struct Exchange<'a> {
    pub code: &'a str,
    pub redirect_url: &'a str,
    pub code_verifier: &'a str,
}

/// A token and what it is good for.
#[derive(Clone)]
pub struct Token {
    pub id: i64,
    pub access: String,
    pub refresh: String,
    pub scope: String,
    expires_at: Timestamp,
    refresh_expires_at: Timestamp,
}

/// The codes and tokens of one help desk. Cheap to clone.
#[derive(Clone)]
pub struct OAuth {
    client: Arc<OAuthClient>,
    pub(super) pace: Arc<Pace>,
    grants: Arc<Mutex<Grants>>,
}

#[derive(Default)]
struct Grants {
    codes: HashMap<String, (Consent, Timestamp)>,
    tokens: Vec<Token>,
    last_token_id: i64,
    rotations: u64,
}

impl OAuth {
    /// Knows one client and has granted nothing yet.
    #[must_use]
    pub fn new(client: OAuthClient, pace: Arc<Pace>) -> Self {
        Self { client: Arc::new(client), pace, grants: Arc::default() }
    }

    /// The client that may ask.
    #[must_use]
    pub fn client(&self) -> &OAuthClient {
        &self.client
    }

    /// Gives out a code for what a person has agreed to.
    #[must_use]
    pub fn agree(&self, consent: Consent, now: Timestamp) -> String {
        let code = secret();
        self.lock().codes.insert(code.clone(), (consent, now.plus(CODE_LIFETIME)));
        code
    }

    /// Refuses anybody but the client.
    pub fn check_client(&self, id: &str, secret: &str) -> Result<(), OAuthError> {
        if id != self.client.id || secret != self.client.secret {
            return Err(OAuthError::InvalidClient);
        }
        Ok(())
    }

    /// Exchanges a code. It is gone afterwards, whatever comes of it: a code has one try.
    pub fn exchange(&self, exchange: &Exchange<'_>, now: Timestamp) -> Result<Token, OAuthError> {
        let mut grants = self.lock();
        let (consent, expires_at) =
            grants.codes.remove(exchange.code).ok_or(OAuthError::InvalidGrant)?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(exchange.code_verifier));
        if now > expires_at
            || consent.redirect_url != exchange.redirect_url
            || consent.code_challenge != challenge
        {
            return Err(OAuthError::InvalidGrant);
        }
        Ok(grants.issue(consent.scope, self.lifetimes(now)))
    }

    /// Exchanges a refresh token: the old pair dies.
    pub fn refresh(&self, refresh_token: &str, now: Timestamp) -> Result<Token, OAuthError> {
        let mut grants = self.lock();
        let place = grants
            .tokens
            .iter()
            .position(|token| token.refresh == refresh_token && now <= token.refresh_expires_at);
        let old = grants.tokens.remove(place.ok_or(OAuthError::InvalidGrant)?);
        grants.rotations += 1;
        Ok(grants.issue(old.scope, self.lifetimes(now)))
    }

    /// How often a pair of tokens took the place of another one.
    #[must_use]
    pub fn rotations(&self) -> u64 {
        self.lock().rotations
    }

    /// Has all access tokens expire now but those given out for ever. What they are refreshed with
    /// lives on.
    pub fn expire_access_tokens(&self) {
        let mut grants = self.lock();
        let mortal = grants.tokens.iter_mut().filter(|token| token.expires_at < Timestamp::MAX);
        mortal.for_each(|token| token.expires_at = UNIX_EPOCH.into());
    }

    /// Gives out an access token for ever, without anybody's consent: what an admin of the help desk
    /// makes for a program of their own.
    #[must_use]
    pub fn issue(&self, scope: &str) -> String {
        self.lock().issue(scope.to_owned(), (Timestamp::MAX, Timestamp::MAX)).access
    }

    /// The token, unless it is unknown, revoked or expired.
    #[must_use]
    pub fn token(&self, access: &str, now: Timestamp) -> Option<Token> {
        let grants = self.lock();
        let mut alive = grants.tokens.iter().filter(|token| now <= token.expires_at);
        alive.find(|token| token.access == access).cloned()
    }

    /// Revokes a token by its id; whether there was one.
    #[must_use]
    pub fn revoke(&self, id: i64) -> bool {
        let mut grants = self.lock();
        let before = grants.tokens.len();
        grants.tokens.retain(|token| token.id != id);
        grants.tokens.len() < before
    }

    /// When tokens given out now expire: the access token and the refresh token.
    fn lifetimes(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let Pace { access_token_lifetime, refresh_token_lifetime, .. } = &*self.pace;
        (now.plus(*access_token_lifetime), now.plus(*refresh_token_lifetime))
    }

    fn lock(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grants {
    fn issue(
        &mut self,
        scope: String,
        (expires_at, refresh_expires_at): (Timestamp, Timestamp),
    ) -> Token {
        self.last_token_id += 1;
        let token = Token {
            id: self.last_token_id,
            access: secret(),
            refresh: secret(),
            scope,
            expires_at,
            refresh_expires_at,
        };
        self.tokens.push(token.clone());
        token
    }
}

/// 256 random bits, fit for a URL.
#[must_use]
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
