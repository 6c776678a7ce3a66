-- Why a hint waits on although its ticket was fetched. Null where it was not.
alter table inbox add column delay text collate "C";
