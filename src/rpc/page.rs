//! Pages: opaque tokens that name where the next one starts.

use std::{fmt::Display, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    domain::{AccountId, Invalid},
    error::{Error, Result},
};

/// The version of the tokens' form.
const VERSION: &str = "1";
/// The longest token, in characters: more than an account, a query and the longest key take.
const MAX_TOKEN_LENGTH: usize = 1_024;

/// One query of an account, answered in pages. Its tokens fit no other account and no other query.
pub struct Listing {
    prefix: String,
}

impl Listing {
    /// Names a query: its method, and the parts of the request that choose what it lists. No part
    /// may hold a space.
    pub fn new(account: &AccountId, method: &str, parts: &[&dyn Display]) -> Self {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        Self { prefix: format!("{VERSION} {account} {method}({}) ", parts.join(",")) }
    }

    /// Reads `page_token`: the key of the last item of the page before, none on the first page.
    ///
    /// # Errors
    /// When it is not a token of this query.
    pub fn after<K: FromStr>(&self, page_token: &str) -> Result<Option<K>> {
        if page_token.is_empty() {
            return Ok(None);
        }
        self.key(page_token).map(Some).ok_or_else(|| {
            let problem = "is no page token of this query: start again without one";
            Error::invalid("page_token", Invalid::new(problem))
        })
    }

    /// Cuts items, of which one more than the page holds was asked for, to the page, and answers
    /// `next_page_token`: empty after the last page.
    pub fn cut<T, K: Display>(
        &self,
        items: &mut Vec<T>,
        page_size: i64,
        key: impl FnOnce(&T) -> K,
    ) -> String {
        let page_size = usize::try_from(page_size).unwrap_or(usize::MAX);
        if items.len() <= page_size {
            return String::new();
        }
        items.truncate(page_size);
        items.last().map_or_else(String::new, |last| self.token(&key(last)))
    }

    fn token(&self, key: &impl Display) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}{key}", self.prefix))
    }

    fn key<K: FromStr>(&self, token: &str) -> Option<K> {
        if token.len() > MAX_TOKEN_LENGTH {
            return None;
        }
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        text.strip_prefix(&self.prefix)?.parse().ok()
    }
}

/// How many messages of these sizes a page of so many bytes holds, one at least.
pub fn count_within(sizes: impl IntoIterator<Item = usize>, max_bytes: usize) -> i64 {
    let mut bytes = 0;
    let fitting = sizes.into_iter().take_while(|size| {
        bytes += size;
        bytes <= max_bytes
    });
    fitting.map(|_| 1).sum::<i64>().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        id.to_owned().try_into().unwrap()
    }

    fn second_page(listing: &Listing) -> String {
        listing.cut(&mut vec![1, 2, 3], 2, |last| *last)
    }

    #[test]
    fn a_token_leads_to_the_next_page() {
        let listing = Listing::new(&account("acme"), "ListThings", &[&"x"]);
        assert_eq!(listing.after::<i64>(&second_page(&listing)).unwrap(), Some(2));
    }

    #[test]
    fn the_last_page_has_no_token() {
        let listing = Listing::new(&account("acme"), "ListThings", &[]);
        assert_eq!(listing.cut(&mut vec![1, 2], 2, |last| *last), "");
        assert_eq!(listing.after::<i64>("").unwrap(), None);
    }

    #[test]
    fn a_token_fits_no_other_account_and_no_other_query() {
        let token = second_page(&Listing::new(&account("acme"), "ListThings", &[&"x"]));
        for other in [
            Listing::new(&account("acme2"), "ListThings", &[&"x"]),
            Listing::new(&account("acme"), "ListOthers", &[&"x"]),
            Listing::new(&account("acme"), "ListThings", &[&"y"]),
            Listing::new(&account("acme"), "ListThings", &[]),
        ] {
            let error = other.after::<i64>(&token).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "page_token");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let listing = Listing::new(&account("acme"), "ListThings", &[]);
        let key_of_another_type = listing.token(&"x");
        for token in ["!", "AAAA", "\u{0}", &"A".repeat(5_000), &key_of_another_type] {
            assert!(listing.after::<i64>(token).is_err(), "{token}");
        }
    }
}
