//! The soak: two replicas on one database beside help desks that misbehave, through kills, until all
//! is in sync.

mod checks;
mod ending;
mod noticed;
mod people;
mod report;
mod run;
mod site;
