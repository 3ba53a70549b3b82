//! The boots that show what the initramfs does: a machine, a registry, a command line; the serial console is the judge.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod attach;
mod cache;
mod clock;
mod command_line;
mod console;
mod desk;
mod drivers;
mod end;
mod exit_codes;
mod extra_arguments;
mod firmware;
mod keymap;
mod limits;
mod machine;
mod mirrors;
mod modules;
mod network;
mod pipeline;
mod pull;
mod reach;
mod report;
mod secrets;
mod shares;
mod support;
mod terminal;
mod time_limit;
mod users_lines;
mod volumes;
mod watchdog;
