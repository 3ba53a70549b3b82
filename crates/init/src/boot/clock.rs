//! The clock: many machines start in 1970, and no certificate is valid there.

use crate::console::{CONSOLE, Fold};
use net::ntp::Limits;
use net::{Network, clock};
use options::NtpPeer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Who answers for `b2c.ntp_peer=auto`, unless DHCP names servers.
const AUTO: &str = "pool.ntp.org";
const TRIES: u32 = 3;
const TIMEOUT: Duration = Duration::from_secs(5);
/// When this program was built, in seconds since 1970: the day of the commit, so that the same commit gives the same bytes (reproducible-builds.org).
const BUILT: Option<&str> = option_env!("SOURCE_DATE_EPOCH");
/// For a build that does not say: 2024-01-01.
const EARLIEST: u64 = 1_704_067_200;

/// Nobody has told the time in this boot, and the hardware does not know it.
static IS_UNKNOWN: AtomicBool = AtomicBool::new(false);

/// Seconds since 1970; `None` if the clock only shows the earliest time that may be.
pub fn now() -> Option<u64> {
    if IS_UNKNOWN.load(Ordering::Relaxed) { None } else { volume::now() }
}

/// No time before that is right.
fn floor() -> u64 {
    BUILT.and_then(|text| text.parse().ok()).unwrap_or(0).max(EARLIEST)
}

/// Sets a clock that cannot be right to the earliest time that may be: what was signed before this program was built is valid then, if it has not expired.
pub fn set_to_floor() {
    match clock::not_before(floor()) {
        Ok(None) => {}
        Ok(Some(shown)) => {
            IS_UNKNOWN.store(true, Ordering::Relaxed);
            CONSOLE.line(&format!(
                "The clock says {}, which cannot be: it is set to {}, when this initramfs was made",
                clock::date(shown),
                clock::date(floor())
            ));
        }
        Err(error) => CONSOLE.error(&format!("The clock cannot be set: {error}")),
    }
}

/// Sets the clock if a peer is named. Never fatal: whatever needs the time says so itself.
pub fn set(peer: &NtpPeer, network: Option<&Network>, online: bool) {
    let named = match peer {
        NtpPeer::None => return,
        NtpPeer::Auto => None,
        NtpPeer::Host(host) => Some(host.clone()),
    };
    CONSOLE.section("ntp_set", "Setting the clock", Fold::Collapsed);
    // Servers of the network are nearer, and know their machines; in a closed one there are no others.
    let of_dhcp = network.map(Network::ntp_servers).unwrap_or_default();
    if named.is_none() && !of_dhcp.is_empty() {
        let hosts: Vec<String> = of_dhcp.iter().map(ToString::to_string).collect();
        if set_from(&hosts, online) {
            return;
        }
    }
    set_from(&[named.unwrap_or_else(|| AUTO.to_owned())], online);
}

fn set_from(hosts: &[String], online: bool) -> bool {
    let text = format!("Getting the time from the NTP server {}", hosts.join(", "));
    if !online {
        CONSOLE.error(&format!("{text}: FAILED: there is no network"));
        return false;
    }
    let limits = Limits { tries: TRIES, timeout: TIMEOUT, floor: floor() };
    let set = net::ntp::set_clock(hosts, &limits);
    match &set {
        Ok(_) => {
            IS_UNKNOWN.store(false, Ordering::Relaxed);
            CONSOLE.line(&format!("{text}: DONE"));
        }
        Err(error) => CONSOLE.error(&format!("{text}: FAILED: {error}")),
    }
    set.is_ok()
}
