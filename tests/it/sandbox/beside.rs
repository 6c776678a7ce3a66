//! The built program beside a help desk of the sandbox, and the way to a connection of the two.

use std::process::Command;

use ticketsync::proto::v1::{
    AuthorizeConnectionRequest, FinishConnectionRequest, StartConnectionRequest,
    authorize_connection_request::Decision,
};

use super::desk::{CLIENT_ID, CLIENT_SECRET, HelpDesk, REDIRECT_URL, parameter};
use crate::support::{Clients, Connected, Replica};

impl HelpDesk {
    /// The built program, to be run on this database beside this help desk, which is to call it at
    /// this address.
    pub fn program(&self, database_url: &str, webhook_base_url: &str) -> Command {
        let mut program = Command::new(Replica::PROGRAM);
        let base = self.desk.url.trim_end_matches(&self.desk.subdomain);
        Replica::serve(&mut program, database_url).envs([
            ("TICKETSYNC_ZENDESK_BASE_URL", format!("{base}{{subdomain}}").as_str()),
            ("TICKETSYNC_OAUTH_REDIRECT_URL", REDIRECT_URL),
            ("TICKETSYNC_OAUTH_CLIENT_ID", CLIENT_ID),
            ("TICKETSYNC_OAUTH_CLIENT_SECRET", CLIENT_SECRET),
            ("TICKETSYNC_WEBHOOK_BASE_URL", webhook_base_url),
        ]);
        program
    }

    /// Goes all the steps to an ACTIVE connection, through the service's socket.
    pub async fn connect(&self, clients: &Clients) -> Connected {
        let mut connections = clients.connections.clone();
        let (account_id, subdomain) = ("acme".to_owned(), self.desk.subdomain.clone());
        let start = StartConnectionRequest { account_id: account_id.clone(), subdomain };
        let started = connections.start_connection(start).await.unwrap().into_inner();
        let agreed = self.press(&started.authorization_url, "accept").await;
        let authorize = AuthorizeConnectionRequest {
            account_id: account_id.clone(),
            state: parameter(&agreed, "state").unwrap(),
            decision: Some(Decision::Code(parameter(&agreed, "code").unwrap())),
        };
        let authorized = connections.authorize_connection(authorize).await.unwrap().into_inner();
        let connection_id = authorized.connection_id;
        let finish = FinishConnectionRequest {
            account_id: account_id.clone(),
            connection_id: connection_id.clone(),
            field_mappings: Vec::new(),
        };
        connections.finish_connection(finish).await.unwrap();
        Connected { account_id, connection_id }
    }
}
