-- The webhook of a connection at Zendesk and where it stands; and since when one replica refreshes the
-- tokens, so that no other one does meanwhile.
alter table connections add column webhook_id text collate "C";
alter table connections add column webhook_state text collate "C" not null default 'absent';
alter table connections add column refresh_started_at bigint;

-- Connections that were finished before there were webhooks.
update connections
   set webhook_state = 'pending'
 where state in ('active', 'needs_reauthorization');
