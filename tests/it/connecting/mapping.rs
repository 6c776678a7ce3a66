//! Field mappings on the way to an ACTIVE connection, and after it.

use ticketsync::{
    domain::{ContactFieldType, TicketField},
    proto::v1::{self as pb, connection_service_server::ConnectionService as _},
    service::{ContactFields, Writes},
};
use tonic::{Code, Request, Status};

use super::{Service, refusal};
use crate::support::on_both_engines;

const NO_FIELD: &str = "00000000-0000-7000-8000-000000000000";

impl Service {
    async fn finish_with(
        &self,
        connection: &str,
        mappings: &[(TicketField, &str)],
    ) -> Result<pb::Connection, Status> {
        let request = pb::FinishConnectionRequest {
            account_id: "acme".into(),
            connection_id: connection.into(),
            field_mappings: mapped(mappings),
        };
        let answer = self.api.finish_connection(Request::new(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn text_field(&self, name: &str) -> String {
        let fields = ContactFields::new(self.store.clone(), Writes::default());
        let account = "acme".to_owned().try_into().unwrap();
        let name = name.to_owned().try_into().unwrap();
        fields.create(account, name, ContactFieldType::Text).await.unwrap().id.to_string()
    }
}

fn mapped(mappings: &[(TicketField, &str)]) -> Vec<pb::FieldMapping> {
    let mapping = |(from, to): &(TicketField, &str)| pb::FieldMapping {
        ticket_field: pb::TicketField::from(*from).into(),
        contact_field_id: (*to).to_owned(),
    };
    mappings.iter().map(mapping).collect()
}

on_both_engines! {
    async fn a_connection_is_finished_with_its_mappings_and_finishing_again_replaces_them(db: Database) {
        let service = Service::start(&db).await;
        let (subject, status) = (service.text_field("subject").await, service.text_field("status").await);
        let agreed = service.agreed("acme", "acme").await;
        let id = service.authorize("acme", &agreed).await.unwrap().connection_id;
        let mappings = [(TicketField::Subject, subject.as_str()), (TicketField::Status, &status)];
        let finished = service.finish_with(&id, &mappings).await.unwrap();
        assert_eq!(finished.state(), pb::ConnectionState::Active);
        assert_eq!(finished.field_mappings, mapped(&mappings));
        assert_eq!(service.get("acme", &id).await.unwrap(), finished);
        let again = service.finish_with(&id, &mappings[1..]).await.unwrap();
        let expected = pb::Connection { field_mappings: mapped(&mappings[1..]), ..finished };
        assert_eq!(again, expected, "nothing but the mappings changes");
        let started = service.start_connection("acme", "acme").await.unwrap();
        assert_eq!(started.connection, Some(expected));
        let none = service.finish_with(&id, &[]).await.unwrap();
        assert_eq!(none.field_mappings, []);
    }

    async fn a_connection_whose_mappings_are_refused_is_not_finished(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let waiting = service.authorize("acme", &agreed).await.unwrap();
        let id = &waiting.connection_id;
        let refused = service.finish_with(id, &[(TicketField::Subject, NO_FIELD)]).await;
        assert_eq!(refusal(refused), (Code::NotFound, "CONTACT_FIELD_NOT_FOUND".into()));
        assert_eq!(service.get("acme", id).await.unwrap(), waiting);
        assert_eq!(waiting.state(), pb::ConnectionState::AwaitingMapping);
    }

    async fn mappings_are_replaced_in_any_state_and_kept_through_all(db: Database) {
        let service = Service::start(&db).await;
        let subject = service.text_field("subject").await;
        let started = service.start_connection("acme", "acme").await.unwrap();
        let id = started.connection.unwrap().connection_id;
        let mappings = mapped(&[(TicketField::Subject, &subject)]);
        let request = pb::UpdateFieldMappingsRequest {
            account_id: "acme".into(),
            connection_id: id.clone(),
            field_mappings: mappings.clone(),
        };
        let updated = service.api.update_field_mappings(Request::new(request)).await.unwrap();
        let updated = updated.into_inner();
        assert_eq!(updated.state(), pb::ConnectionState::AwaitingAuthorization);
        assert_eq!(updated.field_mappings, mappings);
        let refused = service.finish_with(&id, &[]).await;
        assert_eq!(refusal(refused).1, "CONNECTION_NOT_AUTHORIZED");
        let agreed = service.zendesk.agree(&started.authorization_url);
        let authorized = service.authorize("acme", &agreed).await.unwrap();
        assert_eq!(authorized.field_mappings, mappings);
        let ended = service.disconnect("acme", &id, true).await.unwrap().connection.unwrap();
        assert_eq!(ended.field_mappings, mappings);
    }
}
