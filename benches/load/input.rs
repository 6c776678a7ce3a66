//! The events that everything is measured with: the same for the same seed.

use prost_types::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use ticketsync::proto::v1::{
    IngestTicketEventsRequest, Requester, Ticket, TicketEvent, TicketEventKind, TicketPriority,
    TicketStatus,
};
use uuid::Builder;

pub const ACCOUNTS: usize = 100;
/// Connections of the client to the server, each carrying every account.
pub const CONNECTIONS: usize = 8;
/// Unary calls in flight, over all connections.
pub const IN_FLIGHT: usize = 64;
/// The shares of the kinds, in twentieths: 45 % created, 40 % updated, 5 % of each other.
const DECK: [(Kind, usize); 5] = [
    (Kind::Created, 9),
    (Kind::Updated, 8),
    (Kind::Duplicate, 1),
    (Kind::Stale, 1),
    (Kind::Unchanged, 1),
];
/// The shares are exact in every multiple of so many events.
pub const BLOCK: usize = 20 * ACCOUNTS;
const SEED: u64 = 22;
const DESCRIPTION_BYTES: usize = 1536;
const TICKETS_PER_REQUESTER: i64 = 3;
/// 2025-01-01T00:00:00Z, in the past of every clock.
const START: i64 = 1_735_689_600;

/// One event on its way.
#[derive(Clone)]
pub struct Sent {
    pub account: usize,
    /// Which connection of the client has the stream that carries it: always the same for one
    /// ticket, so that its events stay in order and all ways in end in the same rows.
    pub connection: usize,
    pub message: IngestTicketEventsRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Created,
    Updated,
    /// An event sent once more.
    Duplicate,
    /// A state older than the newest.
    Stale,
    /// A newer observation of the same state.
    Unchanged,
}

struct Account {
    index: usize,
    id: String,
    connection_id: String,
    deck: Vec<Kind>,
    /// The newest event of each ticket that changed it, and how often it was observed since.
    tickets: Vec<(TicketEvent, i64)>,
    sent: Vec<Sent>,
    events: usize,
}

/// The accounts of the input, each with the id of its connection.
pub fn accounts() -> Vec<(String, String)> {
    let mut dice = StdRng::seed_from_u64(SEED);
    let connection = |_| Builder::from_random_bytes(dice.random()).into_uuid().to_string();
    (0..ACCOUNTS).map(|at| format!("bench-{at:03}")).zip((0..ACCOUNTS).map(connection)).collect()
}

/// The first so many events.
pub fn events(count: usize) -> Vec<Sent> {
    let mut dice = StdRng::seed_from_u64(SEED + 1);
    let accounts = accounts().into_iter().enumerate();
    let mut accounts: Vec<Account> = accounts.map(Account::new).collect();
    let mut events = Vec::with_capacity(count);
    while events.len() < count {
        let mut order: Vec<usize> = (0..ACCOUNTS).collect();
        order.shuffle(&mut dice);
        events.extend(order.into_iter().map(|at| accounts[at].next(&mut dice)));
    }
    events.truncate(count);
    events
}

impl Account {
    fn new((index, (id, connection_id)): (usize, (String, String))) -> Self {
        let (deck, tickets, sent) = Default::default();
        Self { index, id, connection_id, deck, tickets, sent, events: 0 }
    }

    fn next(&mut self, dice: &mut StdRng) -> Sent {
        if self.deck.is_empty() {
            self.deck = DECK.iter().flat_map(|(kind, count)| vec![*kind; *count]).collect();
            self.deck.shuffle(dice);
            // Nothing but a created event can be an account's first.
            if self.tickets.is_empty() {
                let created = self.deck.iter().position(|kind| *kind == Kind::Created).unwrap();
                let last = self.deck.len() - 1;
                self.deck.swap(created, last);
            }
        }
        let kind = self.deck.pop().unwrap();
        if kind == Kind::Duplicate {
            return self.sent[dice.random_range(0..self.sent.len())].clone();
        }
        self.events += 1;
        let event = match kind {
            Kind::Created => self.create(dice),
            _ => self.observe(kind, dice),
        };
        let ticket = event.ticket.as_ref().unwrap().id;
        let sent = Sent {
            account: self.index,
            connection: (self.index + usize::try_from(ticket).unwrap()) % CONNECTIONS,
            message: IngestTicketEventsRequest {
                account_id: self.id.clone(),
                connection_id: self.connection_id.clone(),
                event: Some(event),
            },
        };
        self.sent.push(sent.clone());
        sent
    }

    fn event_id(&self) -> String {
        format!("{}-{:06}", self.id, self.events)
    }

    fn create(&mut self, dice: &mut StdRng) -> TicketEvent {
        let id = i64::try_from(self.tickets.len()).unwrap() + 1;
        let requester = 10_000_000 + id / TICKETS_PER_REQUESTER;
        let created_at = Some(time(id));
        let ticket = Ticket {
            status: TicketStatus::New.into(),
            id,
            priority: TicketPriority::Normal.into(),
            updated_at: created_at,
            brand_id: Some(360_000_100_001),
            created_at,
            description: text(DESCRIPTION_BYTES, dice),
            group_id: Some(360_000_200_002),
            raw_subject: text(40, dice),
            requester_id: requester,
            subject: text(40, dice),
            submitter_id: Some(requester),
            ticket_form_id: Some(360_000_300_003),
            url: format!("https://{}.zendesk.com/api/v2/tickets/{id}.json", self.id),
            ..Ticket::default()
        };
        let event = TicketEvent {
            event_id: self.event_id(),
            kind: TicketEventKind::Created.into(),
            event_time: created_at,
            requester: Some(Requester {
                id: requester,
                email: format!("Requester.{requester}@{}.example", self.id),
                name: format!("Requester {requester}"),
            }),
            ticket: Some(ticket),
        };
        self.tickets.push((event.clone(), 0));
        event
    }

    /// An updated event of some ticket.
    fn observe(&mut self, kind: Kind, dice: &mut StdRng) -> TicketEvent {
        const STATUSES: [TicketStatus; 4] =
            [TicketStatus::Open, TicketStatus::Pending, TicketStatus::Hold, TicketStatus::Solved];
        let event_id = self.event_id();
        let at = dice.random_range(0..self.tickets.len());
        let (newest, observations) = &mut self.tickets[at];
        *observations += 1;
        let mut event = newest.clone();
        event.event_id = event_id;
        event.kind = TicketEventKind::Updated.into();
        let ticket = event.ticket.as_mut().unwrap();
        let updated_at = ticket.updated_at.as_mut().unwrap();
        match kind {
            Kind::Stale => updated_at.seconds -= 1,
            // A newer observation of what is known.
            Kind::Unchanged => event.event_time = Some(time(1_000_000 + *observations)),
            _ => {
                updated_at.seconds += 60;
                event.event_time = Some(*updated_at);
                let status = usize::try_from(*observations).unwrap() % STATUSES.len();
                ticket.status = STATUSES[status].into();
                ticket.assignee_id = Some(360_000_400_000 + *observations);
                *newest = event.clone();
            }
        }
        event
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp { seconds: START + seconds, nanos: 0 }
}

/// Words of a made-up language, as little alike as those of a real one.
fn text(bytes: usize, dice: &mut StdRng) -> String {
    const SYLLABLES: [&str; 16] = [
        "ka", "lo", "mi", "ter", "san", "du", "vel", "pri", "on", "est", "gra", "hu", "ij", "ren",
        "bo", "schap",
    ];
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        for _ in 0..dice.random_range(1..5) {
            text.push_str(SYLLABLES[dice.random_range(0..SYLLABLES.len())]);
        }
        text.push(' ');
    }
    text.truncate(bytes);
    text
}
