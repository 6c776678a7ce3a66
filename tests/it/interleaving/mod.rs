//! Step by step, for every pair of writes: one waits before its commit, the other tries, readers
//! read, the first goes on. What comes out is what one after the other would have made.

mod account;
mod held;
mod together;
mod write;
mod writer;
