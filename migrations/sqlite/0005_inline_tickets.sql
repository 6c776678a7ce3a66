-- SQLite does not compress rows: nothing to change here.
select 1;
