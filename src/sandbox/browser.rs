//! A person's browser, as far as authorising needs one.

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, LOCATION},
    redirect::Policy,
};

use super::error::{Error, Result};

/// The buttons of the authorise page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    Accept,
    Deny,
}

/// The page on which the browser ended up.
pub struct Landing {
    pub status: StatusCode,
    pub page: String,
}

impl Landing {
    /// Why the Apps page could not connect, as the contract names the reason; none where it could.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        if self.status.is_success() {
            return None;
        }
        let (_, after) = self.page.split_once("<code>")?;
        after.split_once("</code>").map(|(reason, _)| reason)
    }
}

/// A browser that shows each redirect instead of following it unseen.
pub struct Browser {
    http: reqwest::Client,
}

impl Browser {
    /// Opens a browser.
    pub fn open() -> Result<Self> {
        Ok(Self { http: reqwest::Client::builder().redirect(Policy::none()).no_proxy().build()? })
    }

    /// Opens the authorise page and gives its title.
    pub async fn visit(&self, authorization_url: &str) -> Result<String> {
        let answer = self.http.get(authorization_url).send().await?.error_for_status()?;
        let page = answer.text().await?;
        if !page.contains(r#"<form method="post">"#) {
            return Err(Error::Unexpected("the authorise page has no form".into()));
        }
        Ok(title(&page).to_owned())
    }

    /// Presses a button of the authorise page and goes where Zendesk sends the browser.
    pub async fn press(&self, authorization_url: &str, button: Button) -> Result<Landing> {
        let body = match button {
            Button::Accept => "decision=accept",
            Button::Deny => "decision=deny",
        };
        let answer = self
            .http
            .post(authorization_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location
            .ok_or_else(|| Error::Unexpected("Zendesk did not send the browser back".into()))?;
        let back = self.http.get(location).send().await?;
        Ok(Landing { status: back.status(), page: back.text().await? })
    }
}

/// The title of a page.
#[must_use]
pub fn title(page: &str) -> &str {
    let after = page.split_once("<title>").map_or("", |(_, after)| after);
    after.split_once("</title>").map_or("", |(title, _)| title)
}
