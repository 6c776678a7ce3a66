//! The `ticketsync` program.
fn main() {}
