//! The pages of the small Zendesk that a person sees.

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

use super::ticket::{Ticket, User};

/// Readable without anything from elsewhere, in light and dark.
const STYLE: &str = "
    :root { color-scheme: light dark }
    body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
    form.letter { display: grid; gap: .5rem; max-width: 28rem }
    input, textarea, button { font: inherit; padding: .4rem .6rem }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884 }
";

/// A whole page around its contents. Shared with the Apps page.
#[must_use]
pub fn page(title: &str, contents: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (contents)
            }
        }
    }
}

/// Asks a person whether an application may have access. The form posts to its own address, so that
/// what was asked for comes back with the answer.
pub(super) fn authorize(subdomain: &str, client_id: &str, scope: &str) -> Markup {
    page(
        &format!("Allow access to {subdomain}?"),
        &html! {
            p { "The application " strong { (client_id) } " asks for:" }
            ul {
                @for scope in scope.split_whitespace() {
                    li { code { (scope) } }
                }
            }
            form method="post" {
                button name="decision" value="accept" { "Accept" }
                " "
                button name="decision" value="deny" { "Deny" }
            }
        },
    )
}

/// Tells a person that nothing can be authorised.
pub(super) fn refusal(problem: &str) -> Markup {
    page("This cannot be authorised", &html! { p { (problem) } })
}

/// The help desk's own page.
pub(super) fn front(
    subdomain: &str,
    url: &str,
    tickets: &[(Ticket, User)],
    unusual: &Map<String, Value>,
) -> Markup {
    page(
        &format!("{subdomain}: help desk"),
        &html! {
            form.letter method="post" action={ (url) "/requests" } {
                input name="name" placeholder="Your name" required;
                input name="email" type="email" placeholder="Your e-mail address, if you have one";
                input name="subject" placeholder="Subject";
                textarea name="body" rows="4" placeholder="What can we do for you?" required {}
                button { "Send" }
            }
            @if !unusual.is_empty() {
                h2 { "This help desk misbehaves" }
                ul {
                    @for (name, value) in unusual {
                        li { code { (name) ": " (value) } }
                    }
                }
            }
            p {
                "Switches, by GET, PATCH and DELETE: " code { (url) "/sandbox/switches" } ". "
                "Logs: " a href={ (url) "/sandbox/requests" } { "calls" } ", "
                a href={ (url) "/sandbox/deliveries" } { "deliveries" } "."
            }
            h2 { "Tickets" }
            table {
                tr { th { "Ticket" } th { "Status" } th { "Subject" } th { "Requester" } }
                @for (ticket, requester) in tickets {
                    tr {
                        td { (ticket.id) }
                        td { (ticket.status_word()) }
                        td { (ticket.subject) }
                        td { (requester.name) }
                    }
                }
            }
        },
    )
}
