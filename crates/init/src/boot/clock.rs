//! The clock: many machines start in 1970, and no certificate is valid there.

use crate::console::{CONSOLE, Fold};
use options::NtpPeer;
use std::time::Duration;

/// Who answers for `b2c.ntp_peer=auto`.
const AUTO: &str = "pool.ntp.org";
const TRIES: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sets the clock if a peer is named. Never fatal: whatever needs the time says so itself.
pub fn set(peer: &NtpPeer, online: bool) {
    let host = match peer {
        NtpPeer::None => return,
        NtpPeer::Auto => AUTO,
        NtpPeer::Host(host) => host,
    };
    CONSOLE.section("ntp_set", "Setting the clock", Fold::Collapsed);
    let text = format!("Getting the time from the NTP server {host}");
    if !online {
        CONSOLE.error(&format!("{text}: FAILED: there is no network"));
        return;
    }
    match net::ntp::set_clock(host, TRIES, TIMEOUT) {
        Ok(_) => CONSOLE.line(&format!("{text}: DONE")),
        Err(error) => CONSOLE.error(&format!("{text}: FAILED: {error}")),
    }
}
