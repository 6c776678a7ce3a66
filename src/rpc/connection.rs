//! `ConnectionService`: connecting an account to Zendesk.

mod message;

use tonic::{Request, Response, Status};

use crate::{
    clock,
    domain::{AuthorizationState, Invalid, Secret, Subdomain, text},
    error::{Error, Result},
    proto::v1::{
        self as pb, authorize_connection_request::Decision as PbDecision,
        connection_service_server::ConnectionService,
    },
    rpc::{
        field_mapping,
        page::Listing,
        preview,
        request::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, account_id, connection_key, page_size},
    },
    service::{Connecting, Decision, Disconnected, Removal, Started, SyncedTickets},
};

/// The longest state, code or error taken, in bytes. Ours has 43 characters; Zendesk's codes and
/// errors are shorter than this by far.
const MAX_QUERY_VALUE_BYTES: usize = 1_024;

/// Answers `ConnectionService`.
pub struct ConnectionApi {
    connecting: Connecting,
}

impl ConnectionApi {
    /// Answers through the service.
    #[must_use]
    pub const fn new(connecting: Connecting) -> Self {
        Self { connecting }
    }

    async fn start(
        &self,
        request: pb::StartConnectionRequest,
    ) -> Result<pb::StartConnectionResponse> {
        let pb::StartConnectionRequest { account_id: account, subdomain } = request;
        let account = account_id(account)?;
        if subdomain.is_empty() {
            return Err(Error::missing("subdomain"));
        }
        let subdomain: Subdomain =
            subdomain.parse().map_err(|problem| Error::invalid("subdomain", problem))?;
        let started = self.connecting.start(account, subdomain, clock::now()).await?;
        let Started { connection, authorization_url, expires_at } = started;
        Ok(pb::StartConnectionResponse {
            connection: Some(connection.into()),
            authorization_url: authorization_url.expose().to_owned(),
            expire_time: Some(expires_at.into()),
        })
    }

    async fn authorize(&self, request: pb::AuthorizeConnectionRequest) -> Result<pb::Connection> {
        let pb::AuthorizeConnectionRequest { account_id: account, state, decision } = request;
        let account = account_id(account)?;
        let state = AuthorizationState::presented(query_value(state, "state")?);
        let decision = match decision.ok_or_else(|| Error::missing("decision"))? {
            PbDecision::Code(code) => Decision::Agreed(Secret::new(query_value(code, "code")?)),
            PbDecision::Error(error) => {
                query_value(error, "error")?;
                Decision::Denied
            }
        };
        let connection = self.connecting.authorize(account, &state, decision, clock::now()).await?;
        Ok(connection.into())
    }

    async fn preview_events(
        &self,
        request: pb::PreviewEventsRequest,
    ) -> Result<pb::PreviewEventsResponse> {
        let pb::PreviewEventsRequest { account_id, connection_id } = request;
        self.connecting.get(&connection_key(account_id, &connection_id)?).await?;
        Ok(pb::PreviewEventsResponse { events: preview::events() })
    }

    async fn preview_ticket_object(
        &self,
        request: pb::PreviewTicketObjectRequest,
    ) -> Result<pb::PreviewTicketObjectResponse> {
        let pb::PreviewTicketObjectRequest { account_id, connection_id } = request;
        let key = connection_key(account_id, &connection_id)?;
        let sample = self.connecting.sample_ticket(&key, clock::now()).await?;
        Ok(pb::PreviewTicketObjectResponse {
            fields: preview::ticket_object(sample.as_ref()),
            sample_ticket_id: sample.map_or(0, |ticket| ticket.id.get()),
        })
    }

    async fn finish(&self, request: pb::FinishConnectionRequest) -> Result<pb::Connection> {
        let pb::FinishConnectionRequest { account_id, connection_id, field_mappings } = request;
        let key = connection_key(account_id, &connection_id)?;
        let mappings = field_mapping::parse(field_mappings)?;
        Ok(self.connecting.finish(key, mappings, clock::now()).await?.into())
    }

    async fn update_mappings(
        &self,
        request: pb::UpdateFieldMappingsRequest,
    ) -> Result<pb::Connection> {
        let pb::UpdateFieldMappingsRequest { account_id, connection_id, field_mappings } = request;
        let key = connection_key(account_id, &connection_id)?;
        let mappings = field_mapping::parse(field_mappings)?;
        Ok(self.connecting.update_field_mappings(key, mappings, clock::now()).await?.into())
    }

    async fn get(&self, request: pb::GetConnectionRequest) -> Result<pb::Connection> {
        let pb::GetConnectionRequest { account_id, connection_id } = request;
        let key = connection_key(account_id, &connection_id)?;
        let connection = self.connecting.get(&key).await?;
        let sync_status = Some(self.connecting.progress(&key).await?.into());
        Ok(pb::Connection { sync_status, ..connection.into() })
    }

    async fn list(
        &self,
        request: pb::ListConnectionsRequest,
    ) -> Result<pb::ListConnectionsResponse> {
        let pb::ListConnectionsRequest { account_id: account, page_size: size, page_token } =
            request;
        let account = account_id(account)?;
        let size = page_size(size, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        let listing = Listing::new(&account, "ListConnections", &[]);
        let after: Option<Subdomain> = listing.after(&page_token)?;
        let mut connections = self.connecting.list(&account, after.as_ref(), size + 1).await?;
        let next_page_token =
            listing.cut(&mut connections, size, |last| last.subdomain.as_str().to_owned());
        let connections = connections.into_iter().map(Into::into).collect();
        Ok(pb::ListConnectionsResponse { connections, next_page_token })
    }

    async fn end(&self, request: pb::DisconnectRequest) -> Result<pb::DisconnectResponse> {
        let pb::DisconnectRequest { account_id, connection_id, delete_tickets } = request;
        let key = connection_key(account_id, &connection_id)?;
        let tickets = if delete_tickets { SyncedTickets::Delete } else { SyncedTickets::Keep };
        let ended = self.connecting.disconnect(key, tickets).await?;
        let Disconnected { connection, deleted_ticket_count, discarded_hint_count, removal } =
            ended;
        Ok(pb::DisconnectResponse {
            connection: Some(connection.into()),
            deleted_ticket_count,
            token_revoked: removal == Removal::Confirmed,
            discarded_hint_count,
        })
    }
}

/// Reads a value that a browser brought back in the query.
fn query_value(value: String, field: &str) -> Result<String> {
    if value.is_empty() {
        return Err(Error::missing(field));
    }
    // The problem tells the length and not the value, which is a secret.
    text(value, MAX_QUERY_VALUE_BYTES).map_err(|problem: Invalid| Error::invalid(field, problem))
}

#[tonic::async_trait]
impl ConnectionService for ConnectionApi {
    async fn start_connection(
        &self,
        request: Request<pb::StartConnectionRequest>,
    ) -> Result<Response<pb::StartConnectionResponse>, Status> {
        Ok(Response::new(self.start(request.into_inner()).await?))
    }

    async fn authorize_connection(
        &self,
        request: Request<pb::AuthorizeConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        Ok(Response::new(self.authorize(request.into_inner()).await?))
    }

    async fn preview_events(
        &self,
        request: Request<pb::PreviewEventsRequest>,
    ) -> Result<Response<pb::PreviewEventsResponse>, Status> {
        Ok(Response::new(self.preview_events(request.into_inner()).await?))
    }

    async fn preview_ticket_object(
        &self,
        request: Request<pb::PreviewTicketObjectRequest>,
    ) -> Result<Response<pb::PreviewTicketObjectResponse>, Status> {
        Ok(Response::new(self.preview_ticket_object(request.into_inner()).await?))
    }

    async fn finish_connection(
        &self,
        request: Request<pb::FinishConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        Ok(Response::new(self.finish(request.into_inner()).await?))
    }

    async fn update_field_mappings(
        &self,
        request: Request<pb::UpdateFieldMappingsRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        Ok(Response::new(self.update_mappings(request.into_inner()).await?))
    }

    async fn get_connection(
        &self,
        request: Request<pb::GetConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        Ok(Response::new(self.get(request.into_inner()).await?))
    }

    async fn list_connections(
        &self,
        request: Request<pb::ListConnectionsRequest>,
    ) -> Result<Response<pb::ListConnectionsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn disconnect(
        &self,
        request: Request<pb::DisconnectRequest>,
    ) -> Result<Response<pb::DisconnectResponse>, Status> {
        Ok(Response::new(self.end(request.into_inner()).await?))
    }
}
