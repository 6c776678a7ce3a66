-- How far the round is that asks Zendesk for requesters without an address: the last one that was asked
-- for, and their ticket. Null between two rounds.
alter table upkeep add column requesters_after bigint;
alter table upkeep add column requesters_after_ticket bigint;
