//! The trigger log as it arrives on a stream.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Streaming, transport::Channel};

use super::error::{Error, Result};
use crate::proto::v1::{
    StartPoint, TailTriggersRequest, TailTriggersResponse, TriggerEvent,
    tail_triggers_request::Start, trigger_service_client::TriggerServiceClient,
};

/// How long an event that is in the log may take to arrive: many times what it does on loopback.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A tail of one account's log, from its newest event on.
pub struct Tail {
    triggers: TriggerServiceClient<Channel>,
    account_id: String,
    stream: Streaming<TailTriggersResponse>,
    position: i64,
}

impl Tail {
    /// Follows the log; what is in it already is left out.
    pub async fn open(
        mut triggers: TriggerServiceClient<Channel>,
        account_id: &str,
    ) -> Result<Self> {
        let mut stream = latest(&mut triggers, account_id).await?;
        let position = message(&mut stream).await?.position;
        Ok(Self { triggers, account_id: account_id.to_owned(), stream, position })
    }

    /// The events up to the newest one in the log at this moment.
    pub async fn catch_up(&mut self) -> Result<Vec<TriggerEvent>> {
        let mut glance = latest(&mut self.triggers, &self.account_id).await?;
        let head = message(&mut glance).await?.head_position;
        let mut events = Vec::new();
        while self.position < head {
            let late = |_| Error::Unexpected(format!("position {head} of the log did not arrive"));
            events.extend(timeout(ARRIVAL_TIMEOUT, self.next()).await.map_err(late)??);
        }
        Ok(events)
    }

    /// The next events; none with a heartbeat. Nothing is lost where the call is dropped.
    pub async fn next(&mut self) -> Result<Vec<TriggerEvent>> {
        let message = message(&mut self.stream).await?;
        self.position = message.position;
        Ok(message.events)
    }
}

async fn latest(
    triggers: &mut TriggerServiceClient<Channel>,
    account_id: &str,
) -> Result<Streaming<TailTriggersResponse>> {
    let request = TailTriggersRequest {
        account_id: account_id.to_owned(),
        start: Some(Start::StartPoint(StartPoint::Latest.into())),
        ..Default::default()
    };
    Ok(triggers.tail_triggers(request).await?.into_inner())
}

async fn message(stream: &mut Streaming<TailTriggersResponse>) -> Result<TailTriggersResponse> {
    let ended = || Error::Unexpected("the service ended the stream of triggers".into());
    stream.message().await?.ok_or_else(ended)
}
