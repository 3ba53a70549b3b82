//! Machines whose power is cut while they write to their drive; the boot after that is the judge.
//!
//! `B2C_CUTS` says how often the power is cut, `B2C_SEED` with which seeds: that one and those that follow. A seed decides everything
//! about a cut but the machine's own timing: what the machine is doing, where the power is cut, what the drive loses.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod content;
mod cut;
mod drive;
mod judge;
mod scenarios;
mod seeds;
mod words;
