-- The schema. The same tables and columns as for SQLite, under the same numbers.
-- Times are microseconds since 1970; texts compare bytewise; keys begin with the account.

-- One row per account. Every writer of the account's data locks it first; it carries the head of the
-- account's log, so that what is committed is always a prefix.
create table accounts (
    account_id      text collate "C" not null,
    log_id          text collate "C" not null,
    head            bigint           not null,
    floor           bigint           not null,
    last_commit_at  bigint           not null,
    parked_count    bigint           not null,
    config_version  bigint           not null,
    created_at      bigint           not null,
    primary key (account_id)
) with (fillfactor = 10);

-- A Zendesk subdomain connected to an account. Tokens are sealed, never in the clear.
create table connections (
    account_id        text collate "C" not null,
    connection_id     text collate "C" not null,
    subdomain         text collate "C" not null,
    state             text collate "C" not null,
    access_token      text collate "C",
    refresh_token     text collate "C",
    token_expires_at  bigint,
    created_at        bigint           not null,
    authorized_at     bigint,
    finished_at       bigint,
    last_event_at     bigint,
    primary key (account_id, connection_id),
    unique (account_id, subdomain)
) with (fillfactor = 50);

-- An authorisation that a person has begun. The state is hashed, the code verifier is sealed. A used
-- one stays until its tokens are stored, so that a disconnect in between takes it away.
create table authorizations (
    account_id     text collate "C" not null,
    state_hash     text collate "C" not null,
    connection_id  text collate "C" not null,
    code_verifier  text collate "C" not null,
    expires_at     bigint           not null,
    used_at        bigint,
    primary key (account_id, state_hash)
);

create table contacts (
    account_id  text collate "C" not null,
    contact_id  text collate "C" not null,
    email       text collate "C" not null,
    email_key   text collate "C" not null,
    name        text collate "C" not null,
    synced_at   bigint,
    created_at  bigint           not null,
    primary key (account_id, contact_id),
    unique (account_id, email_key)
);

-- Which contact a requester is, by their newest observed e-mail address.
create table requesters (
    account_id         text collate "C" not null,
    connection_id      text collate "C" not null,
    requester_id       bigint           not null,
    contact_id         text collate "C" not null,
    observed_at        bigint           not null,
    observed_event_id  text collate "C" not null,
    primary key (account_id, connection_id, requester_id)
) with (fillfactor = 80);

create index requesters_by_contact on requesters (account_id, contact_id);

-- The newest state of each ticket. It belongs to its requester, and through them to a contact, so
-- that a requester who moves takes all tickets along by one row.
create table tickets (
    account_id         text collate "C" not null,
    connection_id      text collate "C" not null,
    ticket_id          bigint           not null,
    state              text collate "C" not null,
    requester_id       bigint,
    created_at         bigint,
    updated_at         bigint           not null,
    observed_at        bigint           not null,
    observed_event_id  text collate "C" not null,
    created_logged     bigint           not null,
    last_position      bigint,
    content            text collate "C",
    primary key (account_id, connection_id, ticket_id)
) with (fillfactor = 80);

-- The connection comes last in these: with the key's own beginning a planner without statistics takes
-- such an index for the key, and looks through all tickets of the connection.
create index tickets_by_requester on tickets (account_id, requester_id, connection_id);

-- Events that wait for their requester's e-mail address.
create table parked_events (
    account_id     text collate "C" not null,
    connection_id  text collate "C" not null,
    event_id       text collate "C" not null,
    ticket_id      bigint           not null,
    requester_id   bigint           not null,
    kind           text collate "C" not null,
    updated_at     bigint           not null,
    observed_at    bigint           not null,
    content        text collate "C" not null,
    content_hash   text collate "C" not null,
    parked_at      bigint           not null,
    primary key (account_id, connection_id, event_id)
);

create index parked_events_by_requester on parked_events (account_id, requester_id, connection_id);
create index parked_events_by_ticket on parked_events (account_id, ticket_id, connection_id);

-- What became of each event id. An erased event keeps no hash.
create table events (
    account_id     text collate "C" not null,
    connection_id  text collate "C" not null,
    event_id       text collate "C" not null,
    ticket_id      bigint           not null,
    outcome        text collate "C" not null,
    contact_id     text collate "C",
    position       bigint,
    content_hash   text collate "C",
    received_at    bigint           not null,
    primary key (account_id, connection_id, event_id)
);

-- The trigger log. The rows of one ticket are chained by previous_position, so that its contents
-- can be erased without an index. An erased row has no ticket.
create table triggers (
    account_id         text collate "C" not null,
    position           bigint           not null,
    kind               text collate "C" not null,
    entropy            bigint           not null,
    connection_id      text collate "C" not null,
    ticket_id          bigint           not null,
    event_id           text collate "C" not null,
    contact_id         text collate "C" not null,
    observed_at        bigint           not null,
    committed_at       bigint           not null,
    previous_position  bigint,
    ticket             text collate "C",
    changes            text collate "C",
    primary key (account_id, position)
);

create index triggers_by_contact on triggers (account_id, contact_id);
