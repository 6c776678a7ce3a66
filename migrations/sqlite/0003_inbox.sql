-- What Zendesk says, and what there is to do for a connection because of it.

-- Hints: things of which Zendesk said that they changed. Each waits here until its ticket was fetched
-- and applied, and leaves in the transaction that writes what became of it into events.
create table inbox (
    account_id     text    not null,
    connection_id  text    not null,
    event_id       text    not null,
    ticket_id      integer not null,
    kind           text    not null,
    occurred_at    integer,
    updated_at     integer,
    detail         text,
    received_at    integer not null,
    due_at         integer not null,
    attempt_count  integer not null,
    primary key (account_id, connection_id, event_id)
) strict, without rowid;

create index inbox_by_due on inbox (account_id, connection_id, due_at);

-- What there is to do for a connection at Zendesk, and who does it: one replica at a time holds the
-- lease. Due is what due_at says, but not before paused_until: Zendesk asked to wait, or has refused.
create table upkeep (
    account_id         text    not null,
    connection_id      text    not null,
    lease_owner        text,
    lease_until        integer not null,
    epoch              integer not null,
    due_at             integer,
    paused_until       integer not null,
    failure_count      integer not null,
    problem            text,
    problem_detail     text,
    problem_at         integer,
    fetched_at         integer,
    export_cursor      text,
    export_due_at      integer,
    exported_at        integer,
    webhook_due_at     integer,
    requesters_due_at  integer,
    primary key (account_id, connection_id)
) strict;

-- Whoever is free looks for what is due in all accounts.
create index upkeep_by_due on upkeep (due_at);

-- The secrets that the connection's webhook signs with, sealed. The previous one is good for a while
-- after signing_secret_at.
alter table connections add column signing_secret text;
alter table connections add column previous_signing_secret text;
alter table connections add column signing_secret_at integer;

-- A webhook is called by the connection's id alone.
create index connections_by_id on connections (connection_id);

-- The connections that are at work already are looked after from now on.
insert into upkeep (account_id, connection_id, lease_until, epoch, due_at, paused_until, failure_count)
     select account_id, connection_id, 0, 0, 0, 0, 0
       from connections
      where state in ('active', 'needs_reauthorization');
