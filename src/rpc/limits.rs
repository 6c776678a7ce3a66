//! The limits of the gRPC server. Tonic has none of its own for most of them.

use std::time::Duration;

/// The largest message taken: an event with every text at its limit is 76 KiB.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// The largest message sent: what a client takes unasked. Pages and batches end well below it.
pub const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;
/// The most calls in flight on one connection. A client that wants more opens another one.
pub const MAX_CONCURRENT_STREAMS: u32 = 1_000;
/// The most bytes of request headers. Ours are a few hundred.
pub const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// How much a sender may have under way on one stream before the service has read it: enough for a
/// full window of events of common size, so that the network is never the window.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same for all streams of a connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// How long a connection is silent before the peer is asked for a sign of life: shorter than the
/// idle timeouts of common load balancers.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long the peer has to give it.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection lives before its client is asked to open another one, so that clients spread
/// over replicas that came later. Calls in flight end undisturbed.
pub const MAX_CONNECTION_AGE: Duration = Duration::from_hours(1);
/// How long a unary call, or the start of a stream, may take: longer than the batcher's own limits.
/// A net: what reaches it is a defect.
pub const CALL_LIMIT: Duration = Duration::from_mins(1);
