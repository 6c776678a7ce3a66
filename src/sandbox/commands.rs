//! Ready-made commands for whoever wants to go on by hand.

use std::{io, net::SocketAddr};

use super::screen::{BOLD, DIM, PLAIN, Screen};
use crate::proto::v1::{Contact, Language};

/// What there is to try.
pub struct Commands<'a> {
    pub grpc: SocketAddr,
    pub desk_url: &'a str,
    pub apps_url: &'a str,
    pub contact: &'a Contact,
    pub language: Language,
}

impl Commands<'_> {
    /// Prints where people go on, and each command under what it does, whole, to be copied.
    pub fn print(&self, screen: &mut Screen) -> io::Result<()> {
        screen.gap()?;
        screen.line(&[(BOLD, "    Your turn")], (DIM, "  it all goes on until Ctrl-C"), &[])?;
        let grpc = self.grpc.to_string();
        for (what, address, why) in [
            ("Help desk", self.desk_url, "write there, and watch here"),
            ("Apps page", self.apps_url, "connect by hand"),
            ("gRPC", &grpc, "reflection and health are on"),
        ] {
            let start = [(DIM, format!("    {what:<9} ")), (PLAIN, address.to_owned())];
            let start = start.each_ref().map(|(style, text)| (*style, text.as_str()));
            screen.line(&start, (DIM, &format!("  {why}")), &[])?;
        }
        for (what, lines) in [
            ("A customer writes".to_owned(), self.write()),
            (format!("The ticket object of {}", self.contact.name), self.ticket_object()),
            ("The trigger log from its beginning, and on as it grows".to_owned(), self.triggers()),
        ] {
            screen.gap()?;
            screen.line(&[(DIM, "# ")], (DIM, &what), &[])?;
            for line in lines {
                screen.verbatim(&line)?;
            }
        }
        screen.gap()
    }

    fn write(&self) -> [String; 3] {
        [
            "curl -sS -H 'content-type: application/json' \\".to_owned(),
            r#"  -d '{"ticket":{"requester":{"name":"Noor","email":"noor@example.com"},"comment":{"body":"Hallo?"}}}' \"#
                .to_owned(),
            format!("  {}/api/v2/tickets.json", self.desk_url),
        ]
    }

    fn ticket_object(&self) -> [String; 3] {
        let Contact { account_id, contact_id, .. } = self.contact;
        let language = self.language.as_str_name();
        [
            "npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\".to_owned(),
            format!(
                r#"  --data '{{"account_id":"{account_id}","contact_id":"{contact_id}","language":"{language}"}}' \"#
            ),
            format!("  http://{}/ticketsync.v1.ContactService/GetTicketObject", self.grpc),
        ]
    }

    fn triggers(&self) -> [String; 3] {
        let account_id = &self.contact.account_id;
        [
            "grpcurl -plaintext \\".to_owned(),
            format!(
                r#"  -d '{{"account_id":"{account_id}","start_point":"START_POINT_EARLIEST"}}' \"#
            ),
            format!("  {} ticketsync.v1.TriggerService/TailTriggers", self.grpc),
        ]
    }
}
