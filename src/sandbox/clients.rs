//! The service as its callers see it: gRPC clients on one connection.

use std::net::SocketAddr;

use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

use super::error::Result;
use crate::proto::v1::{
    Connection, GetConnectionRequest, connection_service_client::ConnectionServiceClient,
    contact_service_client::ContactServiceClient, ingest_service_client::IngestServiceClient,
    trigger_service_client::TriggerServiceClient,
};

/// One client per service that the sandbox calls. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    pub connections: ConnectionServiceClient<Channel>,
    pub contacts: ContactServiceClient<Channel>,
    pub ingest: IngestServiceClient<Channel>,
    pub triggers: TriggerServiceClient<Channel>,
}

impl Clients {
    /// Connects to the service.
    pub async fn connect(grpc: SocketAddr) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{grpc}"))?.connect().await?;
        Ok(Self {
            connections: ConnectionServiceClient::new(channel.clone()),
            contacts: ContactServiceClient::new(channel.clone()),
            ingest: IngestServiceClient::new(channel.clone()),
            triggers: TriggerServiceClient::new(channel),
        })
    }

    /// One connection as it stands.
    pub async fn connection(
        &mut self,
        account_id: &str,
        connection_id: &str,
    ) -> Result<Connection> {
        let request = GetConnectionRequest {
            account_id: account_id.to_owned(),
            connection_id: connection_id.to_owned(),
        };
        Ok(self.connections.get_connection(request).await?.into_inner())
    }
}

/// The reason that a status carries, as the contract names it; the code where it carries none.
#[must_use]
pub fn reason(status: &tonic::Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason)
}
