//! Users at Zendesk: the requesters of tickets.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Client, Error, Rate, Result,
    answer::send_within,
    fields::{id, line},
};
use crate::domain::{Email, Requester, Secret, Subdomain, ZendeskId};

/// How many ids one call may name: what Zendesk takes.
pub const MAX_IDS: usize = 100;
/// The largest answer read about users: 100 of them, with 80 KiB each for fields of their account's
/// own.
const MAX_USERS_BYTES: usize = 8 * 1024 * 1024;

/// Users that were asked for. Who does not exist, or no longer, is not among them.
#[derive(Debug, Clone, Default)]
pub struct FetchedUsers {
    pub requesters: BTreeMap<ZendeskId, Requester>,
    /// None where Zendesk does not say, or was not asked.
    pub rate: Option<Rate>,
}

#[derive(Deserialize)]
struct UsersAnswer<'a> {
    #[serde(borrow)]
    users: Vec<&'a RawValue>,
}

/// Of a user only what is kept, whatever its other fields hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    id: Value,
    email: Value,
    name: Value,
}

impl Client {
    /// Fetches users, at most [`MAX_IDS`]. Without any id Zendesk is not asked.
    ///
    /// # Errors
    /// What Zendesk answers; [`Error::TooManyIds`].
    pub async fn show_users(
        &self,
        subdomain: &Subdomain,
        token: &Secret,
        ids: &[ZendeskId],
    ) -> Result<FetchedUsers> {
        if ids.is_empty() {
            return Ok(FetchedUsers::default());
        }
        let path = format!("/api/v2/users/show_many.json?ids={}", id_list(ids)?);
        let answer = send_within(self.bulk(subdomain, token, &path), MAX_USERS_BYTES).await?;
        let UsersAnswer { users } = answer.json(&[StatusCode::OK])?;
        Ok(FetchedUsers { requesters: requesters(&users), rate: answer.rate })
    }
}

/// The ids as a query has them.
pub(super) fn id_list(ids: &[ZendeskId]) -> Result<String> {
    if ids.len() > MAX_IDS {
        return Err(Error::TooManyIds { count: ids.len(), limit: MAX_IDS });
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Ok(ids.join(","))
}

/// Reads users. One that does not read, or has no id, is nobody's requester.
pub(super) fn requesters(users: &[&RawValue]) -> BTreeMap<ZendeskId, Requester> {
    let read = users.iter().filter_map(|user| serde_json::from_str(user.get()).ok());
    read.filter_map(|user| requester(&user)).map(|requester| (requester.id, requester)).collect()
}

fn requester(user: &User) -> Option<Requester> {
    let text = |value: &Value| line(usize::MAX)(value).ok().flatten();
    Some(Requester {
        id: id(&user.id).ok().flatten()?,
        // Nobody can be reached by what is no address, so it is like none.
        email: text(&user.email).and_then(|email| Email::try_from(email).ok()),
        name: shortened(text(&user.name).unwrap_or_default()),
    })
}

/// A name as far as it fits: a contact with half a name is better than none.
fn shortened(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(Requester::MAX_NAME_BYTES));
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(user: &Value) -> Option<Requester> {
        let user = serde_json::value::to_raw_value(user).unwrap();
        requesters(&[&user]).into_values().next()
    }

    #[test]
    fn what_is_no_address_is_like_none() {
        for email in [json!(null), json!(""), json!("nobody"), json!(5), json!("a@b@c"), json!("@")]
        {
            let requester = read(&json!({"id": 7, "name": "Ann", "email": email})).unwrap();
            assert_eq!(requester.email, None, "{email}");
        }
        let ann = read(&json!({"id": 7, "name": "Ann", "email": "Ann@Example.com"})).unwrap();
        assert_eq!(ann.email.unwrap().as_str(), "Ann@Example.com");
    }

    #[test]
    fn a_name_is_cut_where_it_fits_and_may_be_missing() {
        let name = |name: Value| read(&json!({"id": 7, "name": name})).unwrap().name;
        assert_eq!(name(json!(null)), "");
        assert_eq!(name(json!("An\u{0}n")), "Ann");
        assert_eq!(name(json!("a".repeat(300))), "a".repeat(256));
        assert_eq!(name(json!(format!("a{}", "é".repeat(200)))), format!("a{}", "é".repeat(127)));
    }

    #[test]
    fn who_has_no_id_is_left_out() {
        for id in [json!(null), json!(0), json!(-1), json!(1.5), json!("x"), json!([])] {
            assert_eq!(read(&json!({"id": id, "name": "Ann"})), None, "{id}");
        }
        assert_eq!(read(&json!("Ann")), None);
    }
}
