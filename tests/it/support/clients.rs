//! Clients of every service of the contract, on one connection.

use ticketsync::proto::v1::{
    AuthorizeConnectionRequest, EventResult, FinishConnectionRequest, StartConnectionRequest,
    StartPoint, TailTriggersRequest, TailTriggersResponse, TriggerEvent,
    authorize_connection_request::Decision, connection_service_client::ConnectionServiceClient,
    contact_field_service_client::ContactFieldServiceClient,
    contact_service_client::ContactServiceClient, ingest_service_client::IngestServiceClient,
    tail_triggers_request::Start, trigger_service_client::TriggerServiceClient,
};
use tonic::{Status, Streaming, transport::Channel};
use tonic_health::pb::health_client::HealthClient;

use super::{Agreed, Connected, Event, Zendesk};

/// One client per service.
#[derive(Clone)]
pub struct Clients {
    pub connections: ConnectionServiceClient<Channel>,
    pub ingest: IngestServiceClient<Channel>,
    pub contacts: ContactServiceClient<Channel>,
    pub fields: ContactFieldServiceClient<Channel>,
    pub triggers: TriggerServiceClient<Channel>,
    pub health: HealthClient<Channel>,
}

impl Clients {
    /// Clients that share a connection.
    pub fn new(channel: Channel) -> Self {
        Self {
            connections: ConnectionServiceClient::new(channel.clone()),
            ingest: IngestServiceClient::new(channel.clone()),
            contacts: ContactServiceClient::new(channel.clone()),
            fields: ContactFieldServiceClient::new(channel.clone()),
            triggers: TriggerServiceClient::new(channel.clone()),
            health: HealthClient::new(channel),
        }
    }

    /// Sends one event by a unary call.
    pub async fn send(&self, to: &Connected, event: Event) -> Result<EventResult, Status> {
        let answer = self.ingest.clone().ingest_ticket_event(event.request(to)).await?;
        Ok(answer.into_inner().result.expect("an answer has a result"))
    }

    /// Goes all the steps to an ACTIVE connection, whose person agrees at this Zendesk.
    pub async fn connect(&self, zendesk: &Zendesk, account: &str) -> (Connected, Agreed) {
        let mut client = self.connections.clone();
        let account_id = account.to_owned();
        let start = StartConnectionRequest {
            account_id: account_id.clone(),
            subdomain: account_id.clone(),
        };
        let started = client.start_connection(start).await.unwrap().into_inner();
        let agreed = zendesk.agree(&started.authorization_url);
        let authorize = AuthorizeConnectionRequest {
            account_id: account_id.clone(),
            state: agreed.state.clone(),
            decision: Some(Decision::Code(agreed.code.clone())),
        };
        let connection_id =
            client.authorize_connection(authorize).await.unwrap().into_inner().connection_id;
        let finish = FinishConnectionRequest {
            account_id: account_id.clone(),
            connection_id: connection_id.clone(),
            field_mappings: vec![],
        };
        client.finish_connection(finish).await.unwrap();
        (Connected { account_id, connection_id }, agreed)
    }

    /// Opens a tail of an account's whole log.
    pub async fn tail(
        &self,
        account: &str,
        stop_at_head: bool,
    ) -> Result<Streaming<TailTriggersResponse>, Status> {
        let request = TailTriggersRequest {
            account_id: account.to_owned(),
            start: Some(Start::StartPoint(StartPoint::Earliest.into())),
            stop_at_head,
            ..TailTriggersRequest::default()
        };
        Ok(self.triggers.clone().tail_triggers(request).await?.into_inner())
    }

    /// Reads an account's log to its head.
    pub async fn log(&self, account: &str) -> Vec<TriggerEvent> {
        let mut tail = self.tail(account, true).await.unwrap();
        let mut events = Vec::new();
        while let Some(batch) = tail.message().await.unwrap() {
            events.extend(batch.events);
        }
        events
    }
}
