//! The customers and agents at the small Zendesk, acting over its public HTTP.

use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    zendesk::Ticket,
};

/// Somebody who writes to the help desk.
#[derive(Clone, Copy)]
pub struct Customer {
    pub name: &'static str,
    /// None for somebody who only ever called.
    pub email: Option<&'static str>,
}

/// The people of one help desk.
pub struct People {
    http: reqwest::Client,
    desk_url: String,
}

#[derive(Deserialize)]
struct TicketAnswer {
    ticket: Ticket,
}

impl People {
    /// The people of the help desk at this address.
    pub fn of(desk_url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, desk_url: desk_url.to_owned() })
    }

    /// A customer writes.
    pub async fn write(&self, customer: Customer, subject: &str, body: &str) -> Result<Ticket> {
        let body = json!({ "ticket": {
            "requester": { "name": customer.name, "email": customer.email },
            "subject": subject,
            "comment": { "body": body },
        }});
        self.ticket(Method::POST, "tickets.json", &body).await
    }

    /// Somebody changes a ticket.
    pub async fn change(&self, ticket: i64, fields: &Value) -> Result<Ticket> {
        self.ticket(Method::PUT, &format!("tickets/{ticket}.json"), &json!({ "ticket": fields }))
            .await
    }

    /// An agent deletes a ticket.
    pub async fn delete(&self, ticket: i64) -> Result<()> {
        let request = self.request(Method::DELETE, &format!("tickets/{ticket}.json"));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// An agent notes a customer's e-mail address.
    pub async fn note_email(&self, user: i64, email: &str) -> Result<()> {
        let request = self.request(Method::PUT, &format!("users/{user}.json"));
        let body = json!({ "user": { "email": email } });
        request.json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Somebody has the help desk misbehave.
    pub async fn turn(&self, switches: &Value) -> Result<()> {
        self.switch(Method::PATCH, switches).await
    }

    /// Somebody has the help desk behave again.
    pub async fn reset(&self) -> Result<()> {
        self.switch(Method::DELETE, &Value::Null).await
    }

    async fn switch(&self, method: Method, switches: &Value) -> Result<()> {
        let url = format!("{}/sandbox/switches", self.desk_url);
        self.http.request(method, url).json(switches).send().await?.error_for_status()?;
        Ok(())
    }

    async fn ticket(&self, method: Method, path: &str, body: &Value) -> Result<Ticket> {
        let answer = self.request(method, path).json(body).send().await?;
        if !answer.status().is_success() {
            return Err(Error::Unexpected(format!(
                "the help desk refused: {}",
                answer.text().await?
            )));
        }
        Ok(answer.json::<TicketAnswer>().await?.ticket)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v2/{path}", self.desk_url))
    }
}
