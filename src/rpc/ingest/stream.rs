//! A stream of events: many on their way at once, each answered in its place.

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::{
    clock,
    error::{Error, Result},
    proto::v1::{self as pb, ingest_ticket_events_response::Answer as Item},
    rpc::{event, reason, request::connection_key},
    service::{Accepted, Batcher},
};

/// How many events of one stream are on their way at once: with eight streams enough to fill a batch
/// from few accounts. At 70 KiB an event, a stream holds 36 MiB at the most.
const STREAM_WINDOW: usize = 512;
/// An event of a stream, handed in, or refused before it was.
struct Sent {
    event_id: String,
    accepted: Result<Accepted>,
}

async fn send(batcher: &Batcher, request: pb::IngestTicketEventsRequest) -> Sent {
    let pb::IngestTicketEventsRequest { account_id, connection_id, event } = request;
    let event_id = event.as_ref().map(|event| event.event_id.clone()).unwrap_or_default();
    let event = connection_key(account_id, &connection_id)
        .and_then(|connection| event::parse(connection, event, clock::now()));
    let accepted = match event {
        Ok(event) => batcher.submit(event).await,
        Err(error) => Err(error),
    };
    Sent { event_id, accepted }
}

async fn answer(sent: Sent) -> pb::IngestTicketEventsResponse {
    let answer = match sent.accepted {
        Ok(accepted) => accepted.answer().await,
        Err(error) => Err(error),
    };
    let item = match answer {
        Ok(answer) => Item::Result(answer.into()),
        Err(error) => Item::Error(error.into()),
    };
    pb::IngestTicketEventsResponse { event_id: sent.event_id, answer: Some(item) }
}

/// Reads a stream of events, hands each in before the next is read, and answers in order. A full
/// queue holds the reading up, and with it the sender. When the service stops, what was read is
/// answered and the stream ends with an error, so that the sender goes on elsewhere.
pub(super) fn answers(
    inbound: Streaming<pb::IngestTicketEventsRequest>,
    batcher: Batcher,
    stopping: CancellationToken,
) -> BoxStream<'static, Result<pb::IngestTicketEventsResponse, Status>> {
    enum Next {
        Sent(Sent),
        End(Status),
    }
    let sent = stream::unfold(Some((inbound, batcher, stopping)), |state| async {
        let (mut inbound, batcher, stopping) = state?;
        let next = tokio::select! {
            biased;
            () = stopping.cancelled() => return Some((Next::End(Error::ShuttingDown.into()), None)),
            next = inbound.next() => next?,
        };
        match next {
            Ok(request) => {
                let sent = send(&batcher, request).await;
                Some((Next::Sent(sent), Some((inbound, batcher, stopping))))
            }
            Err(status) => {
                let status = reason::reasoned(&status).map_or(status, Status::from);
                Some((Next::End(status), None))
            }
        }
    });
    let answers = sent.map(|next| async {
        match next {
            Next::Sent(sent) => Ok(answer(sent).await),
            Next::End(status) => Err(status),
        }
    });
    answers.buffered(STREAM_WINDOW).boxed()
}

impl From<Error> for pb::ItemError {
    fn from(error: Error) -> Self {
        let violations = error.field_violations().iter().map(|violation| pb::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
        });
        Self {
            code: error.code().into(),
            reason: error.reason().into(),
            field_violations: violations.collect(),
            // A named delay of seconds at the most.
            retry_delay: error.retry_delay().and_then(|delay| delay.try_into().ok()),
            message: error.message(),
        }
    }
}
