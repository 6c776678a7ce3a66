//! The addresses an operator gives: where Zendesk is, and where it sends people back to.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

use crate::domain::{ConnectionId, Invalid, Subdomain};

/// What stands for the subdomain in a base URL.
const PLACEHOLDER: &str = "{subdomain}";
/// What the placeholder becomes while the template is checked and kept: braces are no host.
const PROBE: &str = "subdomain-goes-here";
/// How many labels have to follow the subdomain: with one, `{subdomain}.com`, whoever names a
/// subdomain would name the host.
const LABELS_BELOW: usize = 2;

/// Where Zendesk is: a template with the subdomain in it, as in `https://{subdomain}.zendesk.com`.
///
/// The subdomain is one whole label of the host, with at least two more below it, over https. Only
/// on loopback may it be http, and there the subdomain is one whole segment of the path.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Canonical, with [`PROBE`] in the subdomain's place and without a slash at the end.
    template: String,
    transport: Transport,
}

/// What carries the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tls,
    /// On loopback.
    Plain,
}

impl BaseUrl {
    /// The address of a path at a subdomain. The path starts with a slash.
    pub(super) fn endpoint(&self, subdomain: &Subdomain, path: &str) -> String {
        self.template.replacen(PROBE, subdomain.as_str(), 1) + path
    }

    /// Whether it is the Zendesk of a developer, on loopback.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.transport, Transport::Plain)
    }

    pub(super) const fn transport(&self) -> Transport {
        self.transport
    }
}

impl FromStr for BaseUrl {
    type Err = Invalid;

    fn from_str(template: &str) -> Result<Self, Invalid> {
        if template.matches(PLACEHOLDER).count() != 1 || template.contains(PROBE) {
            return Err(Invalid(format!("must hold {PLACEHOLDER} exactly once")));
        }
        let url = parse(&template.replace(PLACEHOLDER, PROBE))?;
        if url.query().is_some() {
            return Err(Invalid::new("must have no query"));
        }
        let place = if is_loopback(&url) {
            let whole = url.path_segments().is_some_and(|mut path| path.any(|part| part == PROBE));
            whole.then_some(()).ok_or("on loopback the subdomain must be one segment of the path")
        } else {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.');
            let labels: Vec<&str> = host.split('.').collect();
            let at = labels.iter().position(|label| *label == PROBE);
            at.filter(|at| at + LABELS_BELOW < labels.len()).map(drop).ok_or(
                "the subdomain must be one whole label of the host with at least two more after \
                 it, as in https://{subdomain}.zendesk.com",
            )
        };
        place.map_err(Invalid::new)?;
        let transport = if url.scheme() == "https" { Transport::Tls } else { Transport::Plain };
        Ok(Self { template: url.as_str().trim_end_matches('/').to_owned(), transport })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template.replacen(PROBE, PLACEHOLDER, 1))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where Zendesk sends a person's browser back to: the Apps page. https, unless it is loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUrl(String);

impl RedirectUrl {
    /// The address as it was given: Zendesk compares it as text with the registered one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RedirectUrl {
    type Err = Invalid;

    fn from_str(url: &str) -> Result<Self, Invalid> {
        parse(url).map(|_| Self(url.to_owned()))
    }
}

/// Where Zendesk reaches this service: what its webhooks' addresses begin with. https, unless it is
/// loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Where Zendesk is to call for a connection.
    #[must_use]
    pub fn endpoint(&self, connection: ConnectionId) -> String {
        format!("{}/webhooks/zendesk/{connection}", self.0)
    }
}

impl FromStr for WebhookUrl {
    type Err = Invalid;

    fn from_str(url: &str) -> Result<Self, Invalid> {
        let parsed = parse(url)?;
        if parsed.query().is_some() {
            return Err(Invalid::new("must have no query"));
        }
        Ok(Self(parsed.as_str().trim_end_matches('/').to_owned()))
    }
}

/// Reads an address that is https or loopback, and has neither user nor fragment.
fn parse(text: &str) -> Result<Url, Invalid> {
    // The parser would drop these in silence.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::new("must hold no white space"));
    }
    let url = Url::parse(text).map_err(|problem| Invalid(format!("is no URL: {problem}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::new("must hold no user and no password"));
    }
    if url.fragment().is_some() {
        return Err(Invalid::new("must have no fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(Invalid::new("must start with https://, or http:// where it is loopback")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
