//! What customers and agents do at a help desk all day, by chance.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Map, Value, json};
use ticketsync::{
    clock,
    sandbox::zendesk::{Comment, Desk, MergeInput, Refusal, TicketInput, UserInput},
};

/// How many customers write, by address. The same ones write to every help desk.
const CUSTOMERS: u32 = 150;
/// How many tickets there have to be before anybody does more than write new ones.
const FEW_TICKETS: usize = 10;

/// The people of one help desk.
pub struct People {
    pub desk: Desk,
    random: StdRng,
    /// The tickets that are there, and those that can be restored.
    tickets: Vec<i64>,
    binned: Vec<i64>,
    /// Users with an address, and those who only ever called.
    customers: Vec<i64>,
    callers: Vec<i64>,
    /// Users whose address has changed, or is new. Only a ticket of theirs tells of that.
    readdressed: BTreeSet<i64>,
    /// Numbers what is done, so that no state of a ticket comes twice.
    deeds: u32,
}

impl People {
    /// Nobody has done anything yet. The same seed does the same.
    pub fn new(desk: Desk, seed: u64) -> Self {
        Self {
            desk,
            random: StdRng::seed_from_u64(seed),
            tickets: Vec::new(),
            binned: Vec::new(),
            customers: Vec::new(),
            callers: Vec::new(),
            readdressed: BTreeSet::new(),
            deeds: 0,
        }
    }

    /// Somebody does something.
    pub fn act(&mut self) {
        if self.tickets.len() < FEW_TICKETS {
            return self.write();
        }
        match self.random.random_range(0..100) {
            0..30 => self.write(),
            30..66 => self.change(),
            66..78 => self.comment(),
            78..84 => self.hand_over(),
            84..87 => self.get_an_address(),
            87..89 => self.move_house(),
            89..93 => self.bin(|people, id| people.desk.store.delete_ticket(id, clock::now())),
            93 => self.bin(|people, id| people.desk.store.mark_as_spam(id, clock::now())),
            94..97 => self.restore(),
            97 => self.delete_for_good(),
            98 => self.merge(),
            _ => self.change_in_silence(),
        }
    }

    /// At the end of the day everybody whose address has changed writes once more.
    pub fn close(&mut self) {
        for user in std::mem::take(&mut self.readdressed) {
            self.write_as(user);
        }
    }

    /// A customer writes, or somebody calls whose address nobody knows.
    pub fn write(&mut self) {
        let (name, email) = match self.random.random_range(0..10) {
            0 => (format!("Caller {}", self.deeds), None),
            spelling => {
                let number = self.random.random_range(0..CUSTOMERS);
                let email = format!("customer{number}@example.com");
                let email = if spelling == 1 { email.to_uppercase() } else { email };
                (format!("Customer {number}"), Some(email))
            }
        };
        let known = email.is_some();
        let requester = UserInput { name: Some(name), email, role: None };
        let letter = self.letter();
        let user = self.create(&TicketInput { requester: Some(requester), ..letter });
        let users = if known { &mut self.customers } else { &mut self.callers };
        users.push(user);
    }

    /// A user who is known writes.
    fn write_as(&mut self, user: i64) {
        let mut letter = self.letter();
        letter.fields.insert("requester_id".into(), json!(user));
        self.create(&letter);
    }

    fn letter(&mut self) -> TicketInput {
        let deed = self.next_deed();
        let body = format!("Waar blijft mijn bestelling {deed}?\nIk wacht al een week. \u{1f4e6}");
        let mut fields = Map::new();
        if self.random.random_bool(0.5) {
            fields.insert("subject".into(), json!(format!("Bestelling {deed}")));
        }
        TicketInput { comment: Some(Comment { body }), fields, requester: None }
    }

    /// Has a ticket created; its requester.
    fn create(&mut self, input: &TicketInput) -> i64 {
        let created = self.desk.store.create_ticket(&self.desk.url, input, clock::now()).unwrap();
        self.tickets.push(created.id);
        created.requester_id
    }

    /// An agent changes up to three fields in one action.
    fn change(&mut self) {
        let mut fields = Map::new();
        for _ in 0..self.random.random_range(1..=3) {
            let (key, value) = self.field();
            fields.insert(key.into(), value);
        }
        self.update(fields, None);
    }

    fn field(&mut self) -> (&'static str, Value) {
        let deed = self.next_deed();
        let word = |random: &mut StdRng, words: &[Value]| words.choose(random).unwrap().clone();
        let id = |random: &mut StdRng| json!(360_000_000_000_i64 + random.random_range(1..9));
        let random = &mut self.random;
        match random.random_range(0..12) {
            0..3 => {
                let words = ["new", "open", "pending", "hold", "solved"].map(Value::from);
                ("status", word(random, &words))
            }
            3 => {
                let words = [json!("low"), json!("normal"), json!("urgent"), Value::Null];
                ("priority", word(random, &words))
            }
            4 => ("type", word(random, &[json!("problem"), json!("question"), Value::Null])),
            5 => ("assignee_id", id(random)),
            6 => ("group_id", id(random)),
            7 => ("organization_id", id(random)),
            8 => ("ticket_form_id", id(random)),
            9 => ("external_id", json!(format!("order-{deed}"))),
            10 => ("due_at", json!(format!("2026-12-{:02}T09:00:00Z", random.random_range(1..29)))),
            _ => ("subject", json!(format!("Bestelling {deed}, vervolg"))),
        }
    }

    fn comment(&mut self) {
        let body = format!("Is er al nieuws? {}", self.next_deed());
        self.update(Map::new(), Some(Comment { body }));
    }

    /// The ticket becomes somebody else's.
    fn hand_over(&mut self) {
        let to_caller = self.random.random_bool(0.3) && !self.callers.is_empty();
        let users = if to_caller { &self.callers } else { &self.customers };
        let user = *users.choose(&mut self.random).unwrap();
        self.update(Map::from_iter([("requester_id".into(), json!(user))]), None);
    }

    /// A field changes of which no event tells.
    fn change_in_silence(&mut self) {
        self.update(Map::new(), None);
    }

    /// Every change of fields also leaves a recipient of its own, of which no event tells: no two
    /// states of a ticket are equal. A comment alone leaves them as they were.
    fn update(&mut self, mut fields: Map<String, Value>, comment: Option<Comment>) {
        if comment.is_none() {
            let recipient = format!("support+{}@acme.example", self.next_deed());
            fields.insert("recipient".into(), json!(recipient));
        }
        let ticket = *self.tickets.choose(&mut self.random).unwrap();
        let input = TicketInput { comment, fields, requester: None };
        self.desk.store.update_ticket(ticket, &input, clock::now()).unwrap();
    }

    /// Somebody who only ever called tells their address, perhaps one that they share, and writes.
    fn get_an_address(&mut self) {
        if self.callers.is_empty() {
            return self.write();
        }
        let caller = self.random.random_range(0..self.callers.len());
        let user = self.callers.swap_remove(caller);
        self.customers.push(user);
        let shared = self.random.random_bool(0.2);
        let number = self.random.random_range(0..CUSTOMERS);
        let own = format!("caller{}@example.com", self.next_deed());
        let shared = shared.then(|| format!("customer{number}@example.com"));
        self.readdress(user, shared.unwrap_or(own));
    }

    /// A customer has a new address.
    fn move_house(&mut self) {
        let user = *self.customers.choose(&mut self.random).unwrap();
        let address = format!("moved{}@example.com", self.next_deed());
        self.readdress(user, address);
    }

    fn readdress(&mut self, user: i64, email: String) {
        let change = UserInput { email: Some(email), ..UserInput::default() };
        self.desk.store.update_user(user, &change, clock::now()).unwrap();
        self.readdressed.insert(user);
        self.write_as(user);
    }

    /// A ticket is deleted in this way.
    fn bin(&mut self, deed: impl FnOnce(&Self, i64) -> Result<(), Refusal>) {
        let ticket = self.take_ticket();
        deed(self, ticket).unwrap();
        self.binned.push(ticket);
    }

    fn restore(&mut self) {
        if let Some(ticket) = self.take_binned() {
            self.desk.store.restore_ticket(ticket, clock::now()).unwrap();
            self.tickets.push(ticket);
        }
    }

    fn delete_for_good(&mut self) {
        if let Some(ticket) = self.take_binned() {
            self.desk.store.delete_ticket_for_good(ticket, clock::now()).unwrap();
        }
    }

    fn merge(&mut self) {
        let source = self.take_ticket();
        let target = *self.tickets.choose(&mut self.random).unwrap();
        let comment = format!("Samengevoegd, {}", self.next_deed());
        let input = MergeInput {
            ids: vec![source],
            target_comment: comment.clone(),
            source_comment: comment,
        };
        self.desk.store.merge_tickets(target, &input, clock::now()).unwrap();
        self.tickets.push(source);
    }

    fn take_ticket(&mut self) -> i64 {
        self.tickets.swap_remove(self.random.random_range(0..self.tickets.len()))
    }

    fn take_binned(&mut self) -> Option<i64> {
        let count = self.binned.len();
        (count > 0).then(|| self.binned.swap_remove(self.random.random_range(0..count)))
    }

    const fn next_deed(&mut self) -> u32 {
        self.deeds += 1;
        self.deeds
    }
}
