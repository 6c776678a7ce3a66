//! A batch of rows as parameters whose number does not depend on the batch's size.
//!
//! `PostgreSQL` takes one array a column and unnests them. `SQLite` takes one JSON array of rows, and
//! beside it the long texts as one blob, of which the rows name slices: as JSON a long text would be
//! escaped and parsed several times. Either way the rows become the table expression `stage`, and
//! what reads from it is one text.

mod bundle;
mod cell;
mod parameters;
mod rows;
mod statement;

pub(super) use self::{
    bundle::{Answer, Bundle},
    cell::Kind::{self, Int, Long, Text},
    rows::Stage,
    statement::Staged,
};
