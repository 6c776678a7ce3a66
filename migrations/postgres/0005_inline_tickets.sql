-- A ticket with an ordinary description is a row of 2 to 3 KiB, just above what PostgreSQL begins to
-- compress; that was a sixth of its work per event. Up to half a page such rows now stay as they are.
alter table tickets set (toast_tuple_target = 4080);
alter table triggers set (toast_tuple_target = 4080);
