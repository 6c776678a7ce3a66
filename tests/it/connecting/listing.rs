//! `GetConnection` and `ListConnections`: what the Apps page shows.

use ticketsync::proto::v1::{self as pb, connection_service_server::ConnectionService as _};
use tonic::{Code, Request, Status};

use super::{Service, field_at_fault, refusal};
use crate::support::on_both_engines;

async fn page(
    service: &Service,
    account: &str,
    page_size: i32,
    page_token: &str,
) -> Result<pb::ListConnectionsResponse, Status> {
    let request = pb::ListConnectionsRequest {
        account_id: account.into(),
        page_size,
        page_token: page_token.into(),
    };
    service.api.list_connections(Request::new(request)).await.map(tonic::Response::into_inner)
}

fn subdomains(page: &pb::ListConnectionsResponse) -> Vec<&str> {
    page.connections.iter().map(|connection| connection.subdomain.as_str()).collect()
}

on_both_engines! {
    async fn connections_are_listed_in_the_order_of_their_subdomains(db: Database) {
        let service = Service::start(&db).await;
        for subdomain in ["b", "a-b", "a", "ab", "9", "a0"] {
            service.start_connection("acme", subdomain).await.unwrap();
        }
        service.start_connection("other", "aa").await.unwrap();
        let all = page(&service, "acme", 0, "").await.unwrap();
        assert_eq!(subdomains(&all), ["9", "a", "a-b", "a0", "ab", "b"]);
        assert_eq!(all.next_page_token, "");
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let next = page(&service, "acme", 2, &token).await.unwrap();
            assert_eq!(next.connections.len(), 2);
            seen.extend(next.connections);
            token = next.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all.connections);
    }

    async fn an_account_without_connections_has_an_empty_page(db: Database) {
        let service = Service::start(&db).await;
        let empty = page(&service, "nobody", 0, "").await.unwrap();
        assert_eq!(empty, pb::ListConnectionsResponse::default());
    }

    async fn a_page_token_fits_its_account_only(db: Database) {
        let service = Service::start(&db).await;
        for subdomain in ["a", "b"] {
            service.start_connection("acme", subdomain).await.unwrap();
        }
        let first = page(&service, "acme", 1, "").await.unwrap();
        let stolen = page(&service, "other", 1, &first.next_page_token).await;
        assert_eq!(field_at_fault(stolen), "page_token");
        assert_eq!(field_at_fault(page(&service, "acme", 1, "x").await), "page_token");
    }

    async fn a_page_size_out_of_range_is_refused(db: Database) {
        let service = Service::start(&db).await;
        for size in [-1, 1_001, i32::MIN] {
            assert_eq!(field_at_fault(page(&service, "acme", size, "").await), "page_size");
        }
    }

    async fn the_last_event_shows(db: Database) {
        let service = Service::start(&db).await;
        let connection = service.connect("acme", "acme").await;
        assert_eq!(connection.last_event_time, None);
        let mut session = db.session().await;
        session.execute("update connections set last_event_at = 1800000000000001").await;
        let shown = page(&service, "acme", 0, "").await.unwrap().connections.remove(0);
        let time = shown.last_event_time.unwrap();
        assert_eq!((time.seconds, time.nanos), (1_800_000_000, 1_000));
        assert_eq!(service.get("acme", &connection.connection_id).await.unwrap(), shown);
        session.close().await;
    }

    async fn what_is_no_connection_id_is_a_bad_field_and_an_unknown_one_not_found(db: Database) {
        let service = Service::start(&db).await;
        for id in ["", "x", "00000000-0000-4000-8000-00000000000", "\u{0}"] {
            assert_eq!(field_at_fault(service.get("acme", id).await), "connection_id");
            assert_eq!(field_at_fault(service.finish("acme", id).await), "connection_id");
            assert_eq!(field_at_fault(service.disconnect("acme", id, false).await), "connection_id");
        }
        let unknown = "00000000-0000-4000-8000-000000000000";
        let not_found = (Code::NotFound, "CONNECTION_NOT_FOUND".to_owned());
        assert_eq!(refusal(service.get("acme", unknown).await), not_found);
        assert_eq!(refusal(service.finish("acme", unknown).await), not_found);
        assert_eq!(refusal(service.disconnect("acme", unknown, true).await), not_found);
    }
}
