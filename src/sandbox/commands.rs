//! Ready-made commands for whoever wants to go on by hand.

use std::io;

use super::{
    screen::{BOLD, DIM, PLAIN, Screen},
    service::Addresses,
};
use crate::proto::v1::{Connection, Contact, Language};

/// What there is to try.
pub struct Commands<'a> {
    pub service: Addresses,
    pub desk_url: &'a str,
    pub apps_url: &'a str,
    pub connection: &'a Connection,
    pub contact: &'a Contact,
    /// A ticket at the help desk.
    pub ticket_id: i64,
    pub language: Language,
}

impl Commands<'_> {
    /// Prints where people go on, and each command under what it does, whole, to be copied.
    pub fn print(&self, screen: &mut Screen) -> io::Result<()> {
        screen.gap()?;
        screen.line(&[(BOLD, "    Your turn")], (DIM, "  it all goes on until Ctrl-C"), &[])?;
        let (grpc, http) = (self.service.grpc.to_string(), format!("http://{}", self.service.http));
        for (what, address, why) in [
            ("Help desk", self.desk_url, "write there, and watch here"),
            ("Apps page", self.apps_url, "connect by hand"),
            ("gRPC", &grpc, "reflection and health are on"),
            ("HTTP", &http, "/readyz, /metrics, and the webhook"),
        ] {
            let start = [(DIM, format!("    {what:<9} ")), (PLAIN, address.to_owned())];
            let start = start.each_ref().map(|(style, text)| (*style, text.as_str()));
            screen.line(&start, (DIM, &format!("  {why}")), &[])?;
        }
        for (what, lines) in self.all() {
            screen.gap()?;
            screen.line(&[(DIM, "# ")], (DIM, &what), &[])?;
            for line in lines {
                screen.verbatim(&line)?;
            }
        }
        screen.gap()
    }

    fn all(&self) -> [(String, [String; 3]); 8] {
        let Contact { contact_id, name, .. } = self.contact;
        let (id, language) = (self.ticket_id, self.language.as_str_name());
        let of_contact = format!(r#""contact_id":"{contact_id}","language":"{language}""#);
        let connection = format!(r#""connection_id":"{}""#, self.connection.connection_id);
        let tickets = format!(r#"{connection},"ticket_ids":["{id}"]"#);
        let call = |method, fields: &str| self.call(method, fields);
        [
            ("A customer writes".to_owned(), self.write()),
            (
                "Events are lost, doubled or late from now on; -X DELETE ends it".to_owned(),
                self.misbehave(),
            ),
            (
                format!("#{id} is fetched, whatever was lost"),
                call("IngestService/RefetchTickets", &tickets),
            ),
            (
                "How the connection stands, and how far its sync is".to_owned(),
                call("ConnectionService/GetConnection", &connection),
            ),
            (
                "Which events start automations".to_owned(),
                call("ConnectionService/PreviewEvents", &connection),
            ),
            (
                "What the ticket object holds".to_owned(),
                call("ConnectionService/PreviewTicketObject", &connection),
            ),
            (
                format!("The ticket object of {name}"),
                call("ContactService/GetTicketObject", &of_contact),
            ),
            ("The trigger log from its beginning, and on as it grows".to_owned(), self.triggers()),
        ]
    }

    fn write(&self) -> [String; 3] {
        [
            "curl -sS -H 'content-type: application/json' \\".to_owned(),
            r#"  -d '{"ticket":{"requester":{"name":"Noor","email":"noor@example.com"},"comment":{"body":"Hallo?"}}}' \"#
                .to_owned(),
            format!("  {}/api/v2/tickets.json", self.desk_url),
        ]
    }

    fn misbehave(&self) -> [String; 3] {
        [
            "curl -sS -X PATCH -H 'content-type: application/json' \\".to_owned(),
            r#"  -d '{"drop":0.3,"double":0.3,"delay":0.3}' \"#.to_owned(),
            format!("  {}/sandbox/switches", self.desk_url),
        ]
    }

    /// A call of the account's, with these fields.
    fn call(&self, method: &str, fields: &str) -> [String; 3] {
        let account_id = &self.connection.account_id;
        [
            "npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\".to_owned(),
            format!(r#"  --data '{{"account_id":"{account_id}",{fields}}}' \"#),
            format!("  http://{}/ticketsync.v1.{method}", self.service.grpc),
        ]
    }

    fn triggers(&self) -> [String; 3] {
        let account_id = &self.connection.account_id;
        [
            "grpcurl -plaintext \\".to_owned(),
            format!(
                r#"  -d '{{"account_id":"{account_id}","start_point":"START_POINT_EARLIEST"}}' \"#
            ),
            format!("  {} ticketsync.v1.TriggerService/TailTriggers", self.service.grpc),
        ]
    }
}
