//! Several help desks at one address, as the subdomains of one Zendesk.

use std::{io, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    Desk,
    error::ApiError,
    line::{Line, Lines},
};

/// Answers for these help desks at a listener until it is told to stop. May be called for several
/// listeners: which one a call came in at is in the log of its help desk.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(
    desks: &[Desk],
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    let lines = Lines { local: listener.local_addr()?, listener };
    let named = |desk: &Desk| (desk.subdomain.clone(), desk.clone().router());
    let routers: Arc<[(String, Router)]> = desks.iter().map(named).collect();
    let host =
        Router::new().fallback(move |request: Request| answer(Arc::clone(&routers), request));
    let service = host.into_make_service_with_connect_info::<Line>();
    axum::serve(lines, service).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Has the help desk answer whose subdomain the path begins with.
async fn answer(routers: Arc<[(String, Router)]>, request: Request) -> Response {
    let subdomain = request.uri().path().split('/').nth(1).unwrap_or_default();
    let router = routers.iter().find(|(name, _)| name == subdomain);
    match router {
        Some((_, router)) => router.clone().oneshot(request).await.into_response(),
        None => ApiError::not_found().into_response(),
    }
}
