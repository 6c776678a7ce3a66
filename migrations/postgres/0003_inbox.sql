-- What Zendesk says, and what there is to do for a connection because of it.

-- Hints: things of which Zendesk said that they changed. Each waits here until its ticket was fetched
-- and applied, and leaves in the transaction that writes what became of it into events.
create table inbox (
    account_id     text collate "C" not null,
    connection_id  text collate "C" not null,
    event_id       text collate "C" not null,
    ticket_id      bigint           not null,
    kind           text collate "C" not null,
    occurred_at    bigint,
    updated_at     bigint,
    detail         text collate "C",
    received_at    bigint           not null,
    due_at         bigint           not null,
    attempt_count  bigint           not null,
    primary key (account_id, connection_id, event_id)
);

create index inbox_by_due on inbox (account_id, connection_id, due_at);

-- What there is to do for a connection at Zendesk, and who does it: one replica at a time holds the
-- lease. Due is what due_at says, but not before paused_until: Zendesk asked to wait, or has refused.
create table upkeep (
    account_id         text collate "C" not null,
    connection_id      text collate "C" not null,
    lease_owner        text collate "C",
    lease_until        bigint           not null,
    epoch              bigint           not null,
    due_at             bigint,
    paused_until       bigint           not null,
    failure_count      bigint           not null,
    problem            text collate "C",
    problem_detail     text collate "C",
    problem_at         bigint,
    fetched_at         bigint,
    export_cursor      text collate "C",
    export_due_at      bigint,
    exported_at        bigint,
    webhook_due_at     bigint,
    requesters_due_at  bigint,
    primary key (account_id, connection_id)
) with (fillfactor = 50);

-- Whoever is free looks for what is due in all accounts.
create index upkeep_by_due on upkeep (due_at);

-- The secrets that the connection's webhook signs with, sealed. The previous one is good for a while
-- after signing_secret_at.
alter table connections add column signing_secret text collate "C";
alter table connections add column previous_signing_secret text collate "C";
alter table connections add column signing_secret_at bigint;

-- A webhook is called by the connection's id alone.
create index connections_by_id on connections (connection_id);

-- The connections that are at work already are looked after from now on.
insert into upkeep (account_id, connection_id, lease_until, epoch, due_at, paused_until, failure_count)
     select account_id, connection_id, 0, 0, 0, 0, 0
       from connections
      where state in ('active', 'needs_reauthorization');
