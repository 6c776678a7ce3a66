//! `ContactService`: contacts and their ticket objects.

use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        AccountId, Contact, ContactId, Email, Invalid, ObjectPlace, Requester, SYNC_TAG, text,
    },
    error::{Error, Result},
    proto::v1::{
        self as pb, contact_service_server::ContactService, get_contact_request::Contact as Which,
    },
    rpc::{
        page::{Listing, count_within},
        request::{
            DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, account_id, connection_key, page_size, zendesk_id,
        },
        ticket::unknown,
        ticket_object::columns,
    },
    service::Contacts,
    store::Store,
};

/// The most whole tickets a page may ask for.
const MAX_TICKETS: i32 = 100;
/// How many whole tickets a page has when the request does not say.
const DEFAULT_TICKETS: i32 = 50;
/// Where a page of whole tickets ends: half of what a client of gRPC takes unasked (4 MiB).
const MAX_TICKETS_BYTES: usize = 2 * 1024 * 1024;

/// Answers `ContactService`.
pub struct ContactApi {
    store: Store,
    contacts: Contacts,
}

impl ContactApi {
    /// Reads from the store, and writes through the service.
    #[must_use]
    pub const fn new(store: Store, contacts: Contacts) -> Self {
        Self { store, contacts }
    }

    async fn create(&self, request: pb::CreateContactRequest) -> Result<pb::Contact> {
        let pb::CreateContactRequest { account_id: account, email, name } = request;
        let account = account_id(account)?;
        let email = parse_email(email)?;
        let name = text(name, Requester::MAX_NAME_BYTES)
            .map_err(|problem| Error::invalid("name", problem))?;
        let contact = self.contacts.create(account.clone(), email, name).await?;
        Ok(to_message(&account, contact))
    }

    async fn get(&self, request: pb::GetContactRequest) -> Result<pb::Contact> {
        let pb::GetContactRequest { account_id: account, contact } = request;
        let account = account_id(account)?;
        let contact = match contact.ok_or_else(|| Error::missing("contact"))? {
            Which::ContactId(id) => self.store.contact(&account, contact_id(&id)?).await?,
            Which::Email(email) => {
                self.store.contact_with_email(&account, &parse_email(email)?.key()).await?
            }
        };
        let contact = contact.ok_or(Error::ContactNotFound)?;
        let values = self.store.contact_values(&account, contact.id).await?;
        let field_values = values.into_iter().map(Into::into).collect();
        Ok(pb::Contact { field_values, ..to_message(&account, contact) })
    }

    async fn list(&self, request: pb::ListContactsRequest) -> Result<pb::ListContactsResponse> {
        let pb::ListContactsRequest { account_id: account, page_size: size, page_token } = request;
        let account = account_id(account)?;
        let size = page_size(size, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        let listing = Listing::new(&account, "ListContacts", &[]);
        let after = listing.after(&page_token)?;
        let mut contacts = self.store.contacts(&account, after, size + 1).await?;
        let next_page_token = listing.cut(&mut contacts, size, |contact| contact.id);
        let contacts = contacts.into_iter().map(|contact| to_message(&account, contact)).collect();
        Ok(pb::ListContactsResponse { contacts, next_page_token })
    }

    async fn object(&self, request: pb::GetTicketObjectRequest) -> Result<pb::TicketObject> {
        let pb::GetTicketObjectRequest {
            account_id: account,
            contact_id: contact,
            language,
            page_size: size,
            page_token,
        } = request;
        let account = account_id(account)?;
        let contact = contact_id(&contact)?;
        let language = pb::Language::try_from(language)
            .map_err(|_| Error::invalid("language", unknown(language)))?;
        let size = page_size(size, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
        let listing = Listing::new(&account, "GetTicketObject", &[&contact]);
        let after: Option<ObjectPlace> = listing.after(&page_token)?;
        self.store.contact(&account, contact).await?.ok_or(Error::ContactNotFound)?;
        let mut rows = self.store.ticket_object(&account, contact, after, size + 1).await?;
        let next_page_token = listing.cut(&mut rows, size, |row| row.place);
        Ok(pb::TicketObject {
            contact_id: contact.to_string(),
            columns: columns(language),
            rows: rows.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn tickets(&self, request: pb::ListTicketsRequest) -> Result<pb::ListTicketsResponse> {
        let pb::ListTicketsRequest {
            account_id: account,
            contact_id: contact,
            page_size: size,
            page_token,
        } = request;
        let account = account_id(account)?;
        let contact = contact_id(&contact)?;
        let size = page_size(size, DEFAULT_TICKETS, MAX_TICKETS)?;
        let listing = Listing::new(&account, "ListTickets", &[&contact]);
        let after = listing.after(&page_token)?;
        self.store.contact(&account, contact).await?.ok_or(Error::ContactNotFound)?;
        let tickets = self.store.tickets(&account, contact, after, size + 1).await?;
        let mut items: Vec<(ObjectPlace, pb::SyncedTicket)> =
            tickets.into_iter().map(|ticket| (ticket.place(), ticket.into())).collect();
        let sizes = items.iter().map(|(_, ticket)| ticket.encoded_len());
        let size = size.min(count_within(sizes, MAX_TICKETS_BYTES));
        let next_page_token = listing.cut(&mut items, size, |(place, _)| *place);
        let tickets = items.into_iter().map(|(_, ticket)| ticket).collect();
        Ok(pb::ListTicketsResponse { tickets, next_page_token })
    }

    async fn ticket(&self, request: pb::GetTicketRequest) -> Result<pb::SyncedTicket> {
        let pb::GetTicketRequest { account_id, connection_id, ticket_id } = request;
        let connection = connection_key(account_id, &connection_id)?;
        let ticket = zendesk_id(ticket_id, "ticket_id")?;
        let ticket = self.store.ticket(&connection, ticket).await?;
        Ok(ticket.ok_or(Error::TicketNotFound)?.into())
    }

    async fn erase(&self, request: pb::EraseContactRequest) -> Result<pb::EraseContactResponse> {
        let pb::EraseContactRequest { account_id: account, contact_id: contact } = request;
        let erased = self.contacts.erase(account_id(account)?, contact_id(&contact)?).await?;
        Ok(pb::EraseContactResponse {
            erased_ticket_count: erased.ticket_count,
            erased_trigger_count: erased.trigger_count,
        })
    }
}

#[tonic::async_trait]
impl ContactService for ContactApi {
    async fn create_contact(
        &self,
        request: Request<pb::CreateContactRequest>,
    ) -> Result<Response<pb::Contact>, Status> {
        Ok(Response::new(self.create(request.into_inner()).await?))
    }

    async fn get_contact(
        &self,
        request: Request<pb::GetContactRequest>,
    ) -> Result<Response<pb::Contact>, Status> {
        Ok(Response::new(self.get(request.into_inner()).await?))
    }

    async fn list_contacts(
        &self,
        request: Request<pb::ListContactsRequest>,
    ) -> Result<Response<pb::ListContactsResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_ticket_object(
        &self,
        request: Request<pb::GetTicketObjectRequest>,
    ) -> Result<Response<pb::TicketObject>, Status> {
        Ok(Response::new(self.object(request.into_inner()).await?))
    }

    async fn list_tickets(
        &self,
        request: Request<pb::ListTicketsRequest>,
    ) -> Result<Response<pb::ListTicketsResponse>, Status> {
        Ok(Response::new(self.tickets(request.into_inner()).await?))
    }

    async fn get_ticket(
        &self,
        request: Request<pb::GetTicketRequest>,
    ) -> Result<Response<pb::SyncedTicket>, Status> {
        Ok(Response::new(self.ticket(request.into_inner()).await?))
    }

    async fn erase_contact(
        &self,
        request: Request<pb::EraseContactRequest>,
    ) -> Result<Response<pb::EraseContactResponse>, Status> {
        Ok(Response::new(self.erase(request.into_inner()).await?))
    }
}

/// Reads `contact_id`.
pub fn contact_id(id: &str) -> Result<ContactId> {
    if id.is_empty() {
        return Err(Error::missing("contact_id"));
    }
    id.parse().map_err(|problem: Invalid| Error::invalid("contact_id", problem))
}

fn parse_email(email: String) -> Result<Email> {
    if email.is_empty() {
        return Err(Error::missing("email"));
    }
    email.try_into().map_err(|problem| Error::invalid("email", problem))
}

fn to_message(account: &AccountId, contact: Contact) -> pb::Contact {
    let Contact { id, email, name, synced, created_at } = contact;
    pb::Contact {
        account_id: account.to_string(),
        contact_id: id.to_string(),
        email: email.as_str().into(),
        name,
        tags: synced.then(|| SYNC_TAG.into()).into_iter().collect(),
        create_time: Some(created_at.into()),
        field_values: Vec::new(),
    }
}
