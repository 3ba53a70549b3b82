//! Objects against real stores.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bad_networks;
mod bad_servers;
mod changing_files;
mod connections;
mod encryption;
mod places;
mod refusals;
mod round_trips;
mod script;
mod store;
