//! The way to Zendesk: no redirects, no proxies, bounded in time and size.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, redirect::Policy};

use super::{
    Error, Result,
    address::{BaseUrl, RedirectUrl, Transport},
};
use crate::domain::{Secret, Subdomain};

/// How long to wait for a connection: Zendesk answers from the edge nearby.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one call may take in all, its body included. A person's browser waits for it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer a call may take that reads many tickets: nobody waits at a browser, and its answer
/// is a thousand times larger.
const BULK_PATIENCE: u32 = 3;
/// What the service needs to know of Zendesk.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub base_url: BaseUrl,
    /// Where Zendesk sends people back to, as registered with the OAuth client.
    pub redirect_url: RedirectUrl,
    /// The OAuth client's identifier.
    pub client_id: String,
    pub client_secret: Secret,
    /// How long one call may take; [`REQUEST_TIMEOUT`] unless a test is in a hurry.
    pub request_timeout: Duration,
}

/// A client of Zendesk's API, for every subdomain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) options: ClientOptions,
}

impl Client {
    /// Makes a client. Connects to nothing yet.
    ///
    /// # Errors
    /// When the machine has no root certificates to check Zendesk's by.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ticketsync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.request_timeout)
            // What an answer says is never followed: it could lead a token anywhere.
            .redirect(Policy::none())
            .referer(false)
            .no_proxy();
        let builder = match options.base_url.transport() {
            Transport::Tls => builder.https_only(true),
            // Loopback needs no certificates, which a bare machine may not have.
            Transport::Plain => builder.tls_certs_only([]),
        };
        let http = builder.build().map_err(|error| {
            Error::unavailable(format!("no TLS, are root certificates installed? {error:?}"))
        })?;
        Ok(Self { http, options })
    }

    /// How long one call may take in all.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// How long a call for many tickets or users may take.
    #[must_use]
    pub fn bulk_timeout(&self) -> Duration {
        self.options.request_timeout * BULK_PATIENCE
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A request in the name of who agreed. The path starts with a slash.
    pub(super) fn request(
        &self,
        method: Method,
        subdomain: &Subdomain,
        token: &Secret,
        path: &str,
    ) -> RequestBuilder {
        let address = self.options.base_url.endpoint(subdomain, path);
        self.http.request(method, address).bearer_auth(token.expose())
    }

    /// A request for many tickets or users.
    pub(super) fn bulk(&self, subdomain: &Subdomain, token: &Secret, path: &str) -> RequestBuilder {
        self.request(Method::GET, subdomain, token, path).timeout(self.bulk_timeout())
    }
}
