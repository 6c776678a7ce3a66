-- Ticket fields that are copied to contact fields, and the values that this has written.

-- The platform's contact fields. The options are a JSON array, empty but for a dropdown.
create table contact_fields (
    account_id        text collate "C" not null,
    contact_field_id  text collate "C" not null,
    name              text collate "C" not null,
    name_key          text collate "C" not null,
    kind              text collate "C" not null,
    options           text collate "C" not null,
    created_at        bigint           not null,
    primary key (account_id, contact_field_id),
    unique (account_id, name_key)
);

-- At most one source per contact field and connection.
create table field_mappings (
    account_id        text collate "C" not null,
    connection_id     text collate "C" not null,
    contact_field_id  text collate "C" not null,
    ticket_field      text collate "C" not null,
    primary key (account_id, connection_id, contact_field_id)
);

-- When a field of the connection was first mapped; null: never, so that no batch looks for mappings and
-- no erasure for values.
alter table connections add column mapped_at bigint;

-- What a mapping wrote last, with the ticket and the version that wrote it. No value: that version had
-- none, and nothing older brings one back.
create table contact_values (
    account_id         text collate "C" not null,
    contact_id         text collate "C" not null,
    contact_field_id   text collate "C" not null,
    connection_id      text collate "C" not null,
    ticket_id          bigint           not null,
    updated_at         bigint           not null,
    observed_at        bigint           not null,
    observed_event_id  text collate "C" not null,
    value              text collate "C",
    primary key (account_id, contact_id, contact_field_id)
) with (fillfactor = 80);

create index contact_values_by_ticket on contact_values (account_id, ticket_id, connection_id);
