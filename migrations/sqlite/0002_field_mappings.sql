-- Ticket fields that are copied to contact fields, and the values that this has written.

-- The platform's contact fields. The options are a JSON array, empty but for a dropdown.
create table contact_fields (
    account_id        text    not null,
    contact_field_id  text    not null,
    name              text    not null,
    name_key          text    not null,
    kind              text    not null,
    options           text    not null,
    created_at        integer not null,
    primary key (account_id, contact_field_id),
    unique (account_id, name_key)
) strict, without rowid;

-- At most one source per contact field and connection.
create table field_mappings (
    account_id        text    not null,
    connection_id     text    not null,
    contact_field_id  text    not null,
    ticket_field      text    not null,
    primary key (account_id, connection_id, contact_field_id)
) strict, without rowid;

-- When a field of the connection was first mapped; null: never, so that no batch looks for mappings and
-- no erasure for values.
alter table connections add column mapped_at integer;

-- What a mapping wrote last, with the ticket and the version that wrote it. No value: that version had
-- none, and nothing older brings one back.
create table contact_values (
    account_id         text    not null,
    contact_id         text    not null,
    contact_field_id   text    not null,
    connection_id      text    not null,
    ticket_id          integer not null,
    updated_at         integer not null,
    observed_at        integer not null,
    observed_event_id  text    not null,
    value              text,
    primary key (account_id, contact_id, contact_field_id)
) strict, without rowid;

create index contact_values_by_ticket on contact_values (account_id, ticket_id, connection_id);
