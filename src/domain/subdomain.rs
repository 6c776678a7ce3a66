//! A subdomain at Zendesk, from what a person types or pastes.

use std::str::FromStr;

use super::Invalid;

/// What every Zendesk account's host name ends with.
const ZENDESK_DOMAIN: &str = ".zendesk.com";
/// The longest label of a host name, in bytes (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;
/// The longest address taken, in bytes: what browsers let a person paste.
const MAX_INPUT_BYTES: usize = 2_048;

/// A subdomain at Zendesk: one whole host label, lower case. It becomes part of the host that the
/// service talks to, so nothing else may ever pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdomain(String);

impl Subdomain {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subdomain {
    type Err = Invalid;

    /// Reads `acme`, `ACME`, `acme.zendesk.com`, `https://acme.zendesk.com/agent/…`.
    fn from_str(input: &str) -> Result<Self, Invalid> {
        let input = super::text(input.trim().to_owned(), MAX_INPUT_BYTES)?.to_ascii_lowercase();
        let label = match input.strip_prefix("https://") {
            Some(address) => label_of_host(host(address)),
            // A bare label has no dot: what has one is a host, perhaps with a path.
            None if input.contains('.') => label_of_host(host(&input)),
            None => Some(input.as_str()),
        };
        label.filter(|label| is_label(label)).map(|label| Self(label.to_owned())).ok_or_else(|| {
            Invalid::new(
                "is no Zendesk subdomain: 1 to 63 letters, digits and hyphens that start and end \
                 with a letter or digit, such as `acme` or `https://acme.zendesk.com`",
            )
        })
    }
}

/// What stands before the path, the query or the fragment.
fn host(address: &str) -> &str {
    address.split(['/', '?', '#']).next().unwrap_or_default()
}

fn label_of_host(host: &str) -> Option<&str> {
    host.strip_suffix(ZENDESK_DOMAIN)
}

fn is_label(label: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
        && label.bytes().next().is_some_and(alphanumeric)
        && label.bytes().next_back().is_some_and(alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_or_pastes_is_read() {
        for input in [
            "acme",
            "ACME",
            "  acme\n",
            "acme.zendesk.com",
            "Acme.Zendesk.Com",
            "acme.zendesk.com/",
            "acme.zendesk.com/agent/dashboard",
            "https://acme.zendesk.com",
            "https://acme.zendesk.com/",
            "HTTPS://ACME.zendesk.com/",
            "https://acme.zendesk.com/agent/tickets/1?brand=2#comment",
            "https://acme.zendesk.com?a=b",
            "https://acme.zendesk.com#top",
        ] {
            assert_eq!(input.parse(), Ok(Subdomain("acme".into())), "{input}");
        }
    }

    #[test]
    fn every_label_that_a_host_may_have_is_read() {
        let longest = "a".repeat(63);
        for input in ["a", "7", "4-you", "a--b", "xn--bcher-kva", &longest] {
            assert_eq!(input.parse(), Ok(Subdomain(input.into())), "{input}");
        }
    }

    #[test]
    fn what_is_no_label_is_refused() {
        let too_long = "a".repeat(64);
        for input in [
            "",
            " ",
            "-",
            "-acme",
            "acme-",
            "ac me",
            "ac_me",
            "acme.",
            ".acme",
            "ac.me",
            "bücher",
            "\u{212a}elvin",
            "ａｃｍｅ",
            "ac\u{0}me",
            "acme\u{0}",
            "ac\nme",
            "acme%2e",
            "*",
            "{subdomain}",
            &too_long,
        ] {
            assert!(input.parse::<Subdomain>().is_err(), "{input:?}");
        }
    }

    #[test]
    fn no_other_host_passes() {
        for input in [
            "zendesk.com",
            ".zendesk.com",
            "https://zendesk.com",
            "https://.zendesk.com",
            "https://acme",
            "https://acme.example.com",
            "https://acme.zendesk.com.example.com",
            "https://acme.zendesk.com.",
            "https://a.b.zendesk.com",
            "https://acme.notzendesk.com",
            "https://acmezendesk.com",
            "https://example.com/acme.zendesk.com",
            "https://example.com/.zendesk.com",
            "https://example.com#.zendesk.com",
            "https://example.com?.zendesk.com",
            "https://example.com\\.zendesk.com",
            "example.com/.zendesk.com",
            "169.254.169.254",
            "127.0.0.1",
            "[::1].zendesk.com",
        ] {
            assert!(input.parse::<Subdomain>().is_err(), "{input}");
        }
    }

    #[test]
    fn no_port_user_or_other_scheme_passes() {
        for input in [
            "acme:443",
            "acme.zendesk.com:443",
            "https://acme.zendesk.com:8443/",
            "https://user@acme.zendesk.com/",
            "https://user:password@acme.zendesk.com/",
            "https://acme.zendesk.com@example.com/",
            "user@acme",
            "http://acme.zendesk.com/",
            "ftp://acme.zendesk.com/",
            "javascript://acme.zendesk.com/",
            "//acme.zendesk.com/",
            "https:acme.zendesk.com",
            "https:///acme.zendesk.com",
            "https://https://acme.zendesk.com",
        ] {
            assert!(input.parse::<Subdomain>().is_err(), "{input}");
        }
    }

    #[test]
    fn an_address_without_end_is_refused() {
        let input = format!("https://acme.zendesk.com/{}", "a".repeat(MAX_INPUT_BYTES));
        assert!(input.parse::<Subdomain>().is_err());
    }
}
