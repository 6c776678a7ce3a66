//! The first chapter: a person of the account connects a subdomain.

use super::{
    apps_page,
    browser::{Browser, Button, title},
    clients::Clients,
    error::{Error, Result},
    show::Show,
    until::until,
    zendesk::{Desk, WebhookInput},
};
use crate::proto::v1::{
    Connection, FinishConnectionRequest, PreviewEventsRequest, PreviewTicketObjectRequest,
    StartConnectionRequest, WebhookState,
};

/// Connects what a person pastes, through the browser and the Apps page; gives the connection,
/// ACTIVE and with its webhook.
pub async fn connect(
    clients: &mut Clients,
    desk: &Desk,
    account_id: &str,
    pasted: &str,
    show: &mut Show,
) -> Result<Connection> {
    show.chapter(
        "A person connects Zendesk",
        "Zendesk asks the person; the answer comes back to the Apps page, whose backend alone calls \
         the service. A first no is taken for a no.",
    )?;
    let browser = Browser::open()?;
    for button in [Button::Deny, Button::Accept] {
        let request =
            StartConnectionRequest { account_id: account_id.into(), subdomain: pasted.into() };
        let started = clients.connections.start_connection(request).await?.into_inner();
        let connection = started
            .connection
            .ok_or_else(|| Error::Unexpected("StartConnection answered no connection".into()))?;
        show.step("call", &format!("StartConnection {pasted}"), apps_page::state(&connection))?;

        let question = browser.visit(&started.authorization_url).await?;
        let landing = browser.press(&started.authorization_url, button).await?;
        let pressed = format!("“{question}” {button:?}");
        show.step("browser", &pressed, landing.reason().unwrap_or_else(|| title(&landing.page)))?;
        if button == Button::Accept {
            return finish(clients, desk, account_id, &connection.connection_id, show).await;
        }
    }
    Err(Error::Unexpected("nobody pressed Accept".into()))
}

/// Looks at what will come in, and finishes.
async fn finish(
    clients: &mut Clients,
    desk: &Desk,
    account_id: &str,
    connection_id: &str,
    show: &mut Show,
) -> Result<Connection> {
    let authorized = clients.connection(account_id, connection_id).await?;
    show.step("call", "GetConnection", apps_page::state(&authorized))?;
    preview(clients, account_id, connection_id, show).await?;
    let request = FinishConnectionRequest {
        account_id: account_id.into(),
        connection_id: connection_id.into(),
        // What somebody has mapped in an earlier run stays mapped.
        field_mappings: authorized.field_mappings,
    };
    let connection = clients.connections.finish_connection(request).await?.into_inner();
    show.step("call", "FinishConnection", apps_page::state(&connection))?;
    registered(clients, desk, &connection, show).await
}

async fn preview(
    clients: &mut Clients,
    account_id: &str,
    connection_id: &str,
    show: &mut Show,
) -> Result<()> {
    let request =
        PreviewEventsRequest { account_id: account_id.into(), connection_id: connection_id.into() };
    let events = clients.connections.preview_events(request).await?.into_inner().events;
    let names: Vec<&str> =
        events.iter().map(|event| show.either(&event.name_nl, &event.name_en)).collect();
    show.step("call", "PreviewEvents", &names.join(", "))?;
    let request = PreviewTicketObjectRequest {
        account_id: account_id.into(),
        connection_id: connection_id.into(),
    };
    let preview = clients.connections.preview_ticket_object(request).await?.into_inner();
    let shown = format!("{} fields, as in #{}", preview.fields.len(), preview.sample_ticket_id);
    Ok(show.step("call", "PreviewTicketObject", &shown)?)
}

/// Waits until the help desk has the webhook, and the service its secret.
async fn registered(
    clients: &mut Clients,
    desk: &Desk,
    connection: &Connection,
    show: &mut Show,
) -> Result<Connection> {
    let Connection { account_id, connection_id, .. } = connection;
    // In this order: a kept connection had a webhook at the help desk of the run before, and is called
    // registered until it is looked after.
    let webhook =
        until("a webhook at the help desk", async || Ok(desk.webhooks.named(connection_id).pop()))
            .await?;
    let connection = until("the registered webhook", async || {
        let connection = clients.connection(account_id, connection_id).await?;
        Ok((connection.webhook_state() == WebhookState::Registered).then_some(connection))
    })
    .await?;
    let WebhookInput { endpoint, subscriptions, .. } = webhook.told;
    let told = format!("{} types of event", subscriptions.len());
    show.step("zendesk", &format!("calls {endpoint}"), &told)?;
    let state = apps_page::webhook_state(&connection);
    show.step("call", "GetConnection", &format!("webhook {state}"))?;
    Ok(connection)
}
