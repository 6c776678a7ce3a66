//! Calls of methods and services that do not exist.

use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::support::{Database, Replica, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_method_or_service_is_refused_with_its_reason() {
    let db = Database::sqlite();
    let service = Replica::start(db.url()).await;
    for path in [
        "/ticketsync.v1.IngestService/IngestEverything",
        "/ticketsync.v1.IngestService/",
        "/ticketsync.v1.NoService/IngestTicketEvent",
        "/ticketsync.v2.IngestService/IngestTicketEvent",
        "/",
    ] {
        let mut client = Grpc::new(service.channel().await);
        client.ready().await.unwrap();
        let codec = ProstCodec::<(), ()>::default();
        let path = PathAndQuery::from_static(path);
        let refused = client.unary(Request::new(()), path.clone(), codec).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{path}");
        assert_eq!(reason(&refused), "METHOD_NOT_FOUND", "{path}");
    }
}
