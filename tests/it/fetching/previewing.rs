//! What the ticket object will hold, shown before the connection is finished.

use serde_json::json;
use ticketsync::{
    proto::v1::{
        PreviewTicketObjectRequest, PreviewTicketObjectResponse, TicketFieldPreview,
        TicketFieldType, connection_service_server::ConnectionService as _,
    },
    sandbox::zendesk::Switches,
};
use tonic::{Request, Status};

use super::{Synced, hasty};
use crate::support::{on_both_engines, reason};

impl Synced {
    async fn preview(&self) -> Result<PreviewTicketObjectResponse, Status> {
        let request = PreviewTicketObjectRequest {
            account_id: "acme".into(),
            connection_id: self.key.connection.to_string(),
        };
        let answer = self.api.preview_ticket_object(Request::new(request)).await?;
        Ok(answer.into_inner())
    }
}

fn sample<'a>(preview: &'a PreviewTicketObjectResponse, key: &str) -> &'a str {
    &preview.fields.iter().find(|field| field.key == key).unwrap().sample_value
}

on_both_engines! {
    async fn the_object_is_shown_with_the_values_of_one_of_the_newest_tickets(db: Database) {
        let synced = Synced::unfinished(&db, Switches::default(), hasty()).await;
        assert_eq!(reason(&synced.preview().await.unwrap_err()), "CONNECTION_NOT_AUTHORIZED");
        synced.authorize().await;

        let empty = synced.preview().await.unwrap();
        assert_eq!((empty.sample_ticket_id, empty.fields.len()), (0, 22));
        assert!(empty.fields.iter().all(|field| field.sample_value.is_empty()));
        let columns = empty.fields.iter().filter(|field| field.object_column);
        let keys: Vec<&str> = columns.map(|field| field.key.as_str()).collect();
        assert_eq!(keys, ["status", "id", "priority", "type", "updated_at"]);
        let types = |count| empty.fields[..count].iter().map(TicketFieldPreview::r#type);
        let expected =
            [TicketFieldType::Enum, TicketFieldType::Integer, TicketFieldType::Enum];
        assert!(types(3).eq(expected));
        assert_eq!((empty.fields[11].label_nl.as_str(), empty.fields[11].label_en.as_str()), ("Onderwerp", "Topic"));

        let id = synced.write("Ann", Some("ann@x.example")).await;
        synced.change(id, json!({"priority": "high", "subject": "é".repeat(300)})).await;
        let shown = synced.preview().await.unwrap();
        assert_eq!(shown.sample_ticket_id, id);
        assert_eq!(sample(&shown, "id"), id.to_string());
        assert_eq!(sample(&shown, "priority"), "high");
        assert_eq!(sample(&shown, "due_at"), "");
        assert_eq!(sample(&shown, "subject"), "é".repeat(200), "cut where it is long");
        assert!(sample(&shown, "created_at").ends_with('Z'), "{}", sample(&shown, "created_at"));
        let mut synced = synced;
        assert!(synced.session.integers("select ticket_id from tickets").await.is_empty(), "stored");
        synced.stop().await;
    }
}
