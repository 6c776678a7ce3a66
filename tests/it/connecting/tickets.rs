//! Connections and the tickets they bring: what is taken, what goes, what comes back.

use ticketsync::{
    proto::v1::{
        self as pb, Connection, EventOutcome, connection_service_server::ConnectionService as _,
        tail_triggers_request::Start,
    },
    rpc::connection::ConnectionApi,
    zendesk::Client,
};
use tonic::{Code, Request};

use super::{Service, new_keyring, refusal};
use crate::support::{
    Connected, Database, Event, Services, Zendesk, connecting, created, on_both_engines, tail,
    updated,
};

/// The whole service, with an account that has gone all the steps.
struct Synced {
    services: Services,
    service: Service,
    to: Connected,
}

impl Synced {
    async fn start(db: &Database) -> Self {
        let services = Services::start(db).await;
        let (store, zendesk) = (services.store.clone(), Zendesk::start().await);
        let client = Client::new(zendesk.options()).unwrap();
        let connecting = connecting(store.clone(), new_keyring(), client);
        let api = ConnectionApi::new(connecting.clone());
        let service = Service { api, connecting, store, zendesk };
        let Connection { account_id, connection_id, .. } = service.connect("acme", "acme").await;
        Self { services, service, to: Connected { account_id, connection_id } }
    }

    async fn end(&self, delete_tickets: bool) -> pb::DisconnectResponse {
        let Connected { account_id, connection_id } = self.to.clone();
        let request = pb::DisconnectRequest { account_id, connection_id, delete_tickets };
        self.service.api.disconnect(Request::new(request)).await.unwrap().into_inner()
    }

    /// Sends an event that has to be taken, and answers its outcome.
    async fn sent(&self, event: Event) -> EventOutcome {
        self.services.apply(&self.to, event).await.outcome()
    }

    /// The kinds of the trigger events logged so far.
    async fn logged(&self) -> Vec<pb::TriggerKind> {
        let earliest = Start::StartPoint(pb::StartPoint::Earliest.into());
        let messages = self.services.read(tail("acme", earliest)).await.unwrap();
        messages.into_iter().flat_map(|message| message.events).map(|event| event.kind()).collect()
    }
}

on_both_engines! {
    async fn only_a_finished_connection_takes_events(db: Database) {
        let synced = Synced::start(&db).await;
        let started = synced.service.start_connection("acme", "other").await.unwrap();
        let agreed = synced.service.zendesk.agree(&started.authorization_url);
        let id = started.connection.unwrap().connection_id;
        let to = Connected { account_id: "acme".into(), connection_id: id.clone() };
        let send = async || {
            synced.services.ingest.clone().ingest_ticket_event(created("e1", 1).request(&to)).await
        };
        let not_active = (Code::FailedPrecondition, "CONNECTION_NOT_ACTIVE".to_owned());
        assert_eq!(refusal(send().await), not_active);
        synced.service.authorize("acme", &agreed).await.unwrap();
        assert_eq!(refusal(send().await), not_active);
        synced.service.finish("acme", &id).await.unwrap();
        send().await.unwrap();
        let shown = synced.service.get("acme", &id).await.unwrap();
        assert!(shown.last_event_time.is_some());
        synced.service.disconnect("acme", &id, false).await.unwrap();
        assert_eq!(refusal(send().await), not_active);
        synced.services.stop().await;
    }

    async fn kept_tickets_are_updated_once_connected_again(db: Database) {
        let synced = Synced::start(&db).await;
        assert_eq!(synced.sent(created("e1", 1)).await, EventOutcome::Created);
        assert_eq!(synced.end(false).await.deleted_ticket_count, 0);
        synced.service.connect("acme", "acme").await;
        let newer = updated("e2", 1, 5).subject("Again");
        assert_eq!(synced.sent(newer).await, EventOutcome::Updated);
        synced.services.stop().await;
    }

    async fn a_deleted_ticket_comes_back_without_being_created_twice(db: Database) {
        let synced = Synced::start(&db).await;
        for event in [created("e1", 1), created("e2", 2), updated("e3", 2, 3).subject("New")] {
            synced.sent(event).await;
        }
        let logged = synced.logged().await;
        assert_eq!(synced.end(true).await.deleted_ticket_count, 2);
        assert_eq!(synced.logged().await, logged, "the log stays");
        synced.service.connect("acme", "acme").await;
        assert_eq!(synced.sent(updated("e4", 2, 2)).await, EventOutcome::Stale);
        assert_eq!(synced.sent(updated("e5", 2, 9)).await, EventOutcome::Restored);
        assert_eq!(synced.sent(created("e6", 1).at(9)).await, EventOutcome::Restored);
        assert_eq!(synced.logged().await, logged);
        synced.services.stop().await;
    }

    async fn a_parked_event_that_was_deleted_is_new_when_sent_again(db: Database) {
        let synced = Synced::start(&db).await;
        let parked = || created("e1", 1).email("");
        assert_eq!(synced.sent(parked()).await, EventOutcome::Parked);
        assert_eq!(synced.end(true).await.deleted_ticket_count, 0);
        synced.service.connect("acme", "acme").await;
        assert_eq!(synced.sent(parked()).await, EventOutcome::Parked);
        assert_eq!(synced.sent(created("e2", 2).requester(901, "ann@example.com")).await, EventOutcome::Created);
        assert_eq!(synced.logged().await, [pb::TriggerKind::TicketCreated; 2]);
        let mut session = db.session().await;
        assert_eq!(session.integers("select parked_count from accounts").await, [0]);
        session.close().await;
        synced.services.stop().await;
    }

    async fn nothing_slips_in_while_a_connection_ends(db: Database) {
        let synced = Synced::start(&db).await;
        let send = async |number: i64| {
            let event = created(&format!("e{number}"), number).request(&synced.to);
            synced.services.ingest.clone().ingest_ticket_event(event).await
        };
        let sending = futures::future::join_all((1..=200).map(send));
        let (answers, ended) = tokio::join!(sending, synced.end(true));
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        for answer in answers.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(answer).1, "CONNECTION_NOT_ACTIVE");
        }
        assert_eq!(ended.deleted_ticket_count, i64::try_from(taken).unwrap());
        let mut session = db.session().await;
        let live = session.integers("select count(*) from tickets where state = 'live'").await;
        assert_eq!(live, [0]);
        session.close().await;
        synced.services.stop().await;
    }
}
