//! What operators and tools ask of the service: reflection, health, metrics.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::FileDescriptorProto;
use ticketsync::proto::v1::{
    connection_service_server, contact_service_server, ingest_service_server,
    trigger_service_server,
};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

use crate::support::{Database, Disk, PostgresServer, Replica, created, eventually};

/// The services of the contract.
const SERVICES: [&str; 4] = [
    connection_service_server::SERVICE_NAME,
    contact_service_server::SERVICE_NAME,
    ingest_service_server::SERVICE_NAME,
    trigger_service_server::SERVICE_NAME,
];

/// What the plain HTTP port answers: the status and the text.
async fn get(service: &Replica, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{}{path}", service.http)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Writes down a test that asks one version of reflection for the services and for one's file. The
/// versions differ in nothing but their package.
macro_rules! reflection {
    ($($name:ident: $version:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest as Ask,
                server_reflection_response::MessageResponse as Told,
            };
            let db = Database::sqlite();
            let service = Replica::start(db.url()).await;
            let mut client = ServerReflectionClient::new(service.channel().await);
            let ask = [
                Ask::ListServices(String::new()),
                Ask::FileContainingSymbol(connection_service_server::SERVICE_NAME.into()),
            ];
            let ask = ask.map(|ask| ServerReflectionRequest {
                host: String::new(),
                message_request: Some(ask),
            });
            let answers = client.server_reflection_info(tokio_stream::iter(ask)).await.unwrap();
            let mut answers = answers.into_inner();

            let listed = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let Told::ListServicesResponse(listed) = listed else { panic!("{listed:?}") };
            let listed: BTreeSet<String> =
                listed.service.into_iter().map(|service| service.name).collect();
            for name in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
                assert!(listed.contains(name), "{name} is not among {listed:?}");
            }

            let file = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let Told::FileDescriptorResponse(file) = file else { panic!("{file:?}") };
            let file = file.file_descriptor_proto.first().unwrap();
            let file = FileDescriptorProto::decode(file.as_slice()).unwrap();
            assert_eq!(file.package(), "ticketsync.v1");
            let methods = file.service[0].method.iter().map(|method| method.name().to_owned());
            assert!(methods.collect::<Vec<_>>().contains(&"StartConnection".to_owned()));
        }
    )*};
}

reflection! {
    reflection_v1_tells_the_contract: v1,
    reflection_v1alpha_tells_the_contract: v1alpha,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_of_the_whole_and_of_each_service() {
    let db = Database::sqlite();
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    let check = async |name: &str| {
        let request = HealthCheckRequest { service: name.into() };
        clients.health.clone().check(request).await.map(|answer| answer.into_inner().status())
    };
    for name in SERVICES.into_iter().chain([""]) {
        eventually("a service's health", async || {
            (check(name).await.ok()? == ServingStatus::Serving).then_some(())
        })
        .await;
    }
    assert_eq!(check("ticketsync.v1.NoService").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthz_says_that_it_lives_and_readyz_whether_it_can_work() {
    let mut server = PostgresServer::start(Disk::Unsynced, &[]);
    let db = Database::on(&server);
    let service = Replica::start(db.url()).await;
    assert_eq!(get(&service, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(get(&service, "/readyz").await, (200, "ok\n".into()));
    assert_eq!(get(&service, "/nothing").await.0, 404);
    server.kill();
    eventually("what readyz says of the database's end", async || {
        (get(&service, "/readyz").await == (503, "not serving\n".into())).then_some(())
    })
    .await;
    assert_eq!(get(&service, "/healthz").await, (200, "ok\n".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_the_events_by_their_outcomes() {
    let db = Database::sqlite();
    let to = db.active_connection("acme").await;
    let service = Replica::start(db.url()).await;
    let clients = service.clients().await;
    for ticket in [1, 2, 2] {
        clients.send(&to, created(&format!("e{ticket}"), ticket)).await.unwrap();
    }
    let (status, metrics) = get(&service, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "# TYPE ticketsync_events_total counter",
        "ticketsync_events_total{outcome=\"created\"} 2",
        "ticketsync_events_total{outcome=\"duplicate\"} 1",
        "ticketsync_batches_total 3",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in:\n{metrics}");
    }
    assert!(!metrics.contains("acme") && !metrics.contains("example.com"), "{metrics}");
}
