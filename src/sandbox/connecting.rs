//! The first chapter: a person of the account connects a subdomain.

use super::{
    apps_page,
    browser::{Browser, Button, title},
    clients::Clients,
    error::{Error, Result},
    show::Show,
};
use crate::proto::v1::{
    Connection, FinishConnectionRequest, GetConnectionRequest, StartConnectionRequest,
};

/// Connects what a person pastes, through the browser and the Apps page; gives the connection,
/// ACTIVE.
pub async fn connect(
    clients: &mut Clients,
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
            return finish(clients, account_id, &connection.connection_id, show).await;
        }
    }
    Err(Error::Unexpected("nobody pressed Accept".into()))
}

async fn finish(
    clients: &mut Clients,
    account_id: &str,
    connection_id: &str,
    show: &mut Show,
) -> Result<Connection> {
    let request =
        GetConnectionRequest { account_id: account_id.into(), connection_id: connection_id.into() };
    let authorized = clients.connections.get_connection(request).await?.into_inner();
    show.step("call", "GetConnection", apps_page::state(&authorized))?;
    let request = FinishConnectionRequest {
        account_id: account_id.into(),
        connection_id: connection_id.into(),
        field_mappings: Vec::new(),
    };
    let connection = clients.connections.finish_connection(request).await?.into_inner();
    show.step("call", "FinishConnection", apps_page::state(&connection))?;
    Ok(connection)
}
