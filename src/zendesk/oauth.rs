//! OAuth 2 at Zendesk: from the authorisation URL to the revoked token.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{Client, Error, Result, answer::send};
use crate::domain::{AuthorizationState, CodeVerifier, Secret, Subdomain};

/// What the service asks to be allowed. Asking for a scope that does not exist still yields a token,
/// one that everything refuses.
pub const SCOPES: &str = "tickets:read users:read webhooks:read webhooks:write";

/// The longest token taken, in bytes: it travels in a header.
const MAX_TOKEN_BYTES: usize = 4_096;

/// What Zendesk gives in exchange for a code or for a refresh token.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: Secret,
    /// Missing where Zendesk gives tokens that do not expire.
    pub refresh: Option<Secret>,
    /// How long the access token lives from when it was asked for. Missing: it does not expire.
    pub expires_in: Option<Duration>,
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    scope: &'a str,
    #[serde(flatten)]
    grant: Grant<'a>,
}

#[derive(Serialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum Grant<'a> {
    AuthorizationCode { code: &'a str, redirect_uri: &'a str, code_verifier: &'a str },
    RefreshToken { refresh_token: &'a str },
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct CurrentToken {
    token: TokenId,
}

#[derive(Deserialize)]
struct TokenId {
    id: u64,
}

impl Client {
    /// Where to send a person's browser.
    #[must_use]
    pub fn authorization_url(
        &self,
        subdomain: &Subdomain,
        state: &AuthorizationState,
        verifier: &CodeVerifier,
    ) -> Secret {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", self.options.redirect_url.as_str())
            .append_pair("scope", SCOPES)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &verifier.challenge())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let page = self.options.base_url.endpoint(subdomain, "/oauth/authorizations/new");
        Secret::new(format!("{page}?{query}"))
    }

    /// Exchanges the code that a person's browser brought back.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Unauthorized`] when Zendesk takes the code or the client for wrong.
    pub async fn exchange(
        &self,
        subdomain: &Subdomain,
        code: &Secret,
        verifier: &CodeVerifier,
    ) -> Result<Tokens> {
        self.ask_for_tokens(
            subdomain,
            Grant::AuthorizationCode {
                code: code.expose(),
                redirect_uri: self.options.redirect_url.as_str(),
                code_verifier: verifier.secret().expose(),
            },
        )
        .await
    }

    /// Exchanges a refresh token. On success the pair it belongs to is dead: the new one has to be
    /// stored before it is used, and no two may refresh the same pair.
    ///
    /// # Errors
    /// [`Error::Refused`] when the token is used, revoked or expired. After any other error the pair
    /// may be dead, with nobody holding the new one.
    pub async fn refresh(&self, subdomain: &Subdomain, refresh_token: &Secret) -> Result<Tokens> {
        let grant = Grant::RefreshToken { refresh_token: refresh_token.expose() };
        self.ask_for_tokens(subdomain, grant).await
    }

    async fn ask_for_tokens(&self, subdomain: &Subdomain, grant: Grant<'_>) -> Result<Tokens> {
        let request = TokenRequest {
            client_id: &self.options.client_id,
            client_secret: self.options.client_secret.expose(),
            scope: SCOPES,
            grant,
        };
        let address = self.options.base_url.endpoint(subdomain, "/oauth/tokens");
        let answer = send(self.http().post(address).json(&request)).await?;
        let answer: TokenAnswer = answer.json(&[StatusCode::OK, StatusCode::CREATED])?;
        answer.try_into()
    }

    /// Revokes an access token, and with it its pair. By its id: deleting `current` is reported not
    /// to revoke.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the token has expired.
    pub async fn revoke(&self, subdomain: &Subdomain, access_token: &Secret) -> Result<()> {
        let current = "/api/v2/oauth/tokens/current.json";
        let current = send(self.request(Method::GET, subdomain, access_token, current)).await?;
        let CurrentToken { token } = current.json(&[StatusCode::OK])?;
        let named = format!("/api/v2/oauth/tokens/{}.json", token.id);
        let delete = self.request(Method::DELETE, subdomain, access_token, &named);
        send(delete).await?.accept(&[StatusCode::NO_CONTENT])
    }
}

impl TryFrom<TokenAnswer> for Tokens {
    type Error = Error;

    fn try_from(answer: TokenAnswer) -> Result<Self> {
        // Whatever is wrong, both tokens are wiped on the way out.
        let TokenAnswer { access_token, token_type, refresh_token, expires_in } = answer;
        let access = Secret::new(access_token);
        let refresh = refresh_token.map(Secret::new);
        let whole = is_token(&access) && refresh.as_ref().is_none_or(is_token);
        if !whole || !token_type.eq_ignore_ascii_case("bearer") {
            return Err(Error::unavailable("an answer without usable tokens"));
        }
        Ok(Self { access, refresh, expires_in: expires_in.map(Duration::from_secs) })
    }
}

/// Whether a token fits into a header.
fn is_token(token: &Secret) -> bool {
    let token = token.expose();
    (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
}
