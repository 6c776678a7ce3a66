-- The schema. The same tables and columns as for PostgreSQL, under the same numbers.
-- Times are microseconds since 1970; keys begin with the account. Small rows live in their key's
-- tree (without rowid): one page to write instead of two.

-- One row per account. Every writer of the account's data locks it first; it carries the head of the
-- account's log, so that what is committed is always a prefix.
create table accounts (
    account_id      text    not null,
    log_id          text    not null,
    head            integer not null,
    floor           integer not null,
    last_commit_at  integer not null,
    parked_count    integer not null,
    config_version  integer not null,
    created_at      integer not null,
    primary key (account_id)
) strict, without rowid;

-- A Zendesk subdomain connected to an account. Tokens are sealed, never in the clear.
create table connections (
    account_id        text    not null,
    connection_id     text    not null,
    subdomain         text    not null,
    state             text    not null,
    access_token      text,
    refresh_token     text,
    token_expires_at  integer,
    created_at        integer not null,
    authorized_at     integer,
    finished_at       integer,
    last_event_at     integer,
    primary key (account_id, connection_id),
    unique (account_id, subdomain)
) strict, without rowid;

-- An authorisation that a person has begun. The state is hashed, the code verifier is sealed. A used
-- one stays until its tokens are stored, so that a disconnect in between takes it away.
create table authorizations (
    account_id     text    not null,
    state_hash     text    not null,
    connection_id  text    not null,
    code_verifier  text    not null,
    expires_at     integer not null,
    used_at        integer,
    primary key (account_id, state_hash)
) strict, without rowid;

create table contacts (
    account_id  text    not null,
    contact_id  text    not null,
    email       text    not null,
    email_key   text    not null,
    name        text    not null,
    synced_at   integer,
    created_at  integer not null,
    primary key (account_id, contact_id),
    unique (account_id, email_key)
) strict, without rowid;

-- Which contact a requester is, by their newest observed e-mail address.
create table requesters (
    account_id         text    not null,
    connection_id      text    not null,
    requester_id       integer not null,
    contact_id         text    not null,
    observed_at        integer not null,
    observed_event_id  text    not null,
    primary key (account_id, connection_id, requester_id)
) strict, without rowid;

create index requesters_by_contact on requesters (account_id, contact_id);

-- The newest state of each ticket. It belongs to its requester, and through them to a contact, so
-- that a requester who moves takes all tickets along by one row.
create table tickets (
    account_id         text    not null,
    connection_id      text    not null,
    ticket_id          integer not null,
    state              text    not null,
    requester_id       integer,
    created_at         integer,
    updated_at         integer not null,
    observed_at        integer not null,
    observed_event_id  text    not null,
    created_logged     integer not null,
    last_position      integer,
    content            text,
    primary key (account_id, connection_id, ticket_id)
) strict;

-- The connection comes last in these: with the key's own beginning a planner without statistics takes
-- such an index for the key, and looks through all tickets of the connection.
create index tickets_by_requester on tickets (account_id, requester_id, connection_id);

-- Events that wait for their requester's e-mail address.
create table parked_events (
    account_id     text    not null,
    connection_id  text    not null,
    event_id       text    not null,
    ticket_id      integer not null,
    requester_id   integer not null,
    kind           text    not null,
    updated_at     integer not null,
    observed_at    integer not null,
    content        text    not null,
    content_hash   text    not null,
    parked_at      integer not null,
    primary key (account_id, connection_id, event_id)
) strict;

create index parked_events_by_requester on parked_events (account_id, requester_id, connection_id);
create index parked_events_by_ticket on parked_events (account_id, ticket_id, connection_id);

-- What became of each event id. An erased event keeps no hash.
create table events (
    account_id     text    not null,
    connection_id  text    not null,
    event_id       text    not null,
    ticket_id      integer not null,
    outcome        text    not null,
    contact_id     text,
    position       integer,
    content_hash   text,
    received_at    integer not null,
    primary key (account_id, connection_id, event_id)
) strict, without rowid;

-- The trigger log. The rows of one ticket are chained by previous_position, so that its contents
-- can be erased without an index. An erased row has no ticket.
create table triggers (
    account_id         text    not null,
    position           integer not null,
    kind               text    not null,
    entropy            integer not null,
    connection_id      text    not null,
    ticket_id          integer not null,
    event_id           text    not null,
    contact_id         text    not null,
    observed_at        integer not null,
    committed_at       integer not null,
    previous_position  integer,
    ticket             text,
    changes            text,
    primary key (account_id, position)
) strict;

create index triggers_by_contact on triggers (account_id, contact_id);
