//! An account to write to, and what it holds.

use std::collections::HashMap;

use ticketsync::{
    domain::SecretPlace,
    proto::v1::{StartConnectionRequest, TriggerEvent},
};
use tonic::Code;

use super::{
    write::Write,
    writer::{Writer, keyring},
};
use crate::support::{Agreed, Connected, Session, Zendesk, created, updated};

/// More sealed secrets than an account has.
const ALL: i64 = 100;

/// An account with a synced ticket, values written from it, and a parked event. What it wrote first is past its time, a key
/// is being replaced, and a person has agreed to authorise it once more.
#[derive(Clone)]
pub struct Account {
    pub to: Connected,
    pub agreed: Agreed,
    /// A contact field that a value was written to, and that nothing is mapped to any more.
    pub spare: String,
    /// How many secrets Zendesk had given before it gave any to this account.
    secrets_before: usize,
}

/// How two writes were answered, and what the account holds after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub codes: [Code; 2],
    pub state: Vec<String>,
}

impl Ending {
    /// How the same writes ended, told in the other order.
    pub fn swapped(mut self) -> Self {
        self.codes.reverse();
        self
    }
}

/// What tests look through, beside the services.
pub struct View {
    pub session: Session,
    pub zendesk: Zendesk,
    /// Reads what the writers write, and is never held.
    pub reader: Writer,
}

impl View {
    /// An account that these writes find something to do in. The connection waits for its finish
    /// where that is what will be written: an ACTIVE one has nothing to finish.
    pub async fn account(&mut self, name: &str, writes: [Write; 2]) -> Account {
        let secrets_before = self.zendesk.secrets().len();
        let clients = &self.reader.clients;
        let (to, _) = clients.connect(&self.zendesk, name).await;
        let spare = self.reader.map_fields(&to).await;
        for event in [
            updated("before-2", 1, 10).requester(901, "ann@example.com"),
            created("parked", 3).requester(903, ""),
        ] {
            clients.send(&to, event).await.unwrap();
        }
        let again = StartConnectionRequest { account_id: name.into(), subdomain: name.into() };
        let started = clients.connections.clone().start_connection(again).await.unwrap();
        let agreed = self.zendesk.agree(&started.into_inner().authorization_url);
        self.reader.seal_with_the_older_key().await;
        self.session
            .execute(&format!(
                "update triggers set committed_at = 0 where account_id = '{name}' and position = 1;
                 update events set received_at = 0
                  where account_id = '{name}' and event_id = 'before-1'"
            ))
            .await;
        if writes.contains(&Write::FinishConnection) {
            let sql = "update connections set state = 'awaiting_mapping' where account_id = ";
            self.session.execute(&format!("{sql} '{name}'")).await;
        }
        Account { to, agreed, spare, secrets_before }
    }

    /// How each pair of writes ends, one after the other.
    pub async fn every_pair_in_turn(&mut self, by: [&Writer; 2]) -> HashMap<[Write; 2], Ending> {
        let mut endings = HashMap::new();
        for (number, first) in Write::ALL.into_iter().enumerate() {
            for (other, second) in Write::ALL.into_iter().enumerate() {
                let (pair, name) = ([first, second], format!("turn-{number}-{other}"));
                endings.insert(pair, self.in_turn(pair, by, &name).await);
            }
        }
        endings
    }

    async fn in_turn(&mut self, writes: [Write; 2], by: [&Writer; 2], name: &str) -> Ending {
        let account = self.account(name, writes).await;
        let mut codes = [Code::Unknown; 2];
        for turn in 0..2 {
            codes[turn] = writes[turn].run(by[turn].clone(), account.clone()).await;
        }
        self.end(codes, &account).await
    }

    /// What has come out. The account is no longer there for those who go through all of them.
    pub async fn end(&mut self, codes: [Code; 2], account: &Account) -> Ending {
        let state = self.state(account).await;
        for table in ["accounts", "connections", "authorizations"] {
            let name = &account.to.account_id;
            let sql = format!("delete from {table} where account_id = '{name}'");
            self.session.execute(&sql).await;
        }
        Ending { codes, state }
    }

    /// What an account holds, but for what chance and the clock decide.
    pub async fn state(&mut self, account: &Account) -> Vec<String> {
        const QUERIES: [&str; 11] = [
            "select 'head ' || head || ' floor ' || floor || ' parked ' || parked_count
               from accounts where account_id = ",
            "select 'log ' || position || ' ' || kind || ' ' || event_id || ' ' ||
                    case when ticket is null then 'erased' else 'whole' end
               from triggers where account_id = ",
            "select 'ticket ' || ticket_id || ' ' || state || ' ' || updated_at || ' ' ||
                    observed_event_id || ' ' || created_logged || ' ' ||
                    case when content is null then 'erased' else 'whole' end
               from tickets where account_id = ",
            "select 'contact ' || email_key || case when synced_at is null then '' else ' synced' end
               from contacts where account_id = ",
            "select 'field ' || name from contact_fields where account_id = ",
            "select 'mapping ' || ticket_field || ' ' ||
                    (select name from contact_fields f
                      where f.account_id = m.account_id
                        and f.contact_field_id = m.contact_field_id)
               from field_mappings m where account_id = ",
            "select 'value ' ||
                    (select email_key from contacts c
                      where c.account_id = v.account_id and c.contact_id = v.contact_id) || ' ' ||
                    (select name from contact_fields f
                      where f.account_id = v.account_id
                        and f.contact_field_id = v.contact_field_id) || ' ' ||
                    coalesce(value, '') || ' ' || updated_at || ' ' || observed_event_id
               from contact_values v where account_id = ",
            "select 'parked ' || event_id from parked_events where account_id = ",
            "select 'event ' || event_id || ' ' || outcome || ' ' || coalesce(position, 0)
               from events where account_id = ",
            "select 'connection ' || state from connections where account_id = ",
            "select 'authorization ' || case when used_at is null then 'open' else 'used' end
               from authorizations where account_id = ",
        ];
        let mut state = self.secrets(account).await;
        for query in QUERIES {
            let sql = format!("{query} '{}'", account.to.account_id);
            state.extend(self.session.texts(&sql).await);
        }
        state.sort();
        state
    }

    /// What is kept sealed: with which key, and of tokens the how many-th of this account's it is.
    async fn secrets(&self, account: &Account) -> Vec<String> {
        let (keyring, given) = (keyring(), self.zendesk.secrets());
        let sealed = self.reader.store.sealed_secrets(None, ALL).await.unwrap();
        let own = sealed
            .iter()
            .filter(|secret| secret.connection.account.as_str() == account.to.account_id);
        own.map(|secret| {
            let place = SecretPlace { connection: &secret.connection, column: secret.column };
            let opened = keyring.open(&secret.sealed, place).unwrap();
            let number = given[account.secrets_before..].iter().position(|s| s == opened.expose());
            let key = secret.sealed.as_str().split(':').next();
            format!("secret {:?} {number:?} by key {key:?}", secret.column)
        })
        .collect()
    }

    /// The account's log, as a subscriber reads it.
    pub async fn log(&self, account: &Account) -> Vec<TriggerEvent> {
        self.reader.clients.log(&account.to.account_id).await
    }
}
