//! Capability names, as in capabilities(7), and what `--cap-add` and `--cap-drop` make of a set.

use super::error::Why;

/// In the order of their numbers (linux/capability.h).
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// `ALL`, whatever the kernel's last capability is.
const ALL: u64 = u64::MAX;

/// What containers-common gives a container that is not privileged.
const UNPRIVILEGED: [&str; 11] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// `--cap-add` and `--cap-drop`; bit N is capability N.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilityChange {
    add: u64,
    drop: u64,
}

impl CapabilityChange {
    /// The set of a container, `all` being what the kernel knows.
    ///
    /// Divergence: podman ignores `--cap-drop` on a privileged container; here, where privileged is the default, that would be a trap.
    pub fn apply(self, privileged: bool, all: u64) -> u64 {
        let base = if privileged { all } else { UNPRIVILEGED.iter().filter_map(|name| bit(name)).sum() };
        let set = if self.add == ALL { ALL & !self.drop } else { (base & !self.drop) | self.add };
        set & all
    }

    /// One that is both added and dropped: podman refuses to guess.
    pub(super) fn conflict(self) -> Option<&'static str> {
        let both = self.add & self.drop;
        match (self.add, self.drop) {
            (ALL, ALL) => Some("ALL"),
            (ALL, _) | (_, ALL) => None,
            _ => NAMES.get(both.trailing_zeros() as usize).copied(),
        }
    }

    pub(super) fn add(&mut self, name: &str) -> Result<(), Why> {
        self.add |= parse(name)?;
        Ok(())
    }

    pub(super) fn drop(&mut self, name: &str) -> Result<(), Why> {
        self.drop |= parse(name)?;
        Ok(())
    }
}

/// All capabilities from 0 to `last`.
pub(crate) fn all_up_to(last: u32) -> u64 {
    u64::MAX >> (63 - last.min(63))
}

/// `NET_ADMIN`, `cap_net_admin`, `ALL`.
fn parse(name: &str) -> Result<u64, Why> {
    let upper = name.to_ascii_uppercase();
    match upper.strip_prefix("CAP_").unwrap_or(&upper) {
        "ALL" => Ok(ALL),
        known => bit(known).ok_or_else(|| "no such capability; see capabilities(7)".into()),
    }
}

fn bit(name: &str) -> Option<u64> {
    NAMES.iter().position(|known| *known == name).map(|number| 1 << number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(add: &[&str], drop: &[&str]) -> CapabilityChange {
        let mut change = CapabilityChange::default();
        add.iter().for_each(|name| change.add(name).unwrap());
        drop.iter().for_each(|name| change.drop(name).unwrap());
        change
    }

    #[test]
    fn numbers_are_the_kernels() {
        assert_eq!(bit("CHOWN"), Some(1));
        assert_eq!(bit("SYS_ADMIN"), Some(1 << 21));
        assert_eq!(bit("CHECKPOINT_RESTORE"), Some(1 << 40));
        assert_eq!(all_up_to(40), (1 << 41) - 1);
        assert_eq!(all_up_to(99), u64::MAX);
    }

    #[test]
    fn sets() {
        let all = all_up_to(40);
        let net_admin = 1 << 12;
        assert_eq!(change(&[], &[]).apply(true, all), all);
        assert_eq!(change(&[], &[]).apply(false, all), 0x8004_05fb, "podman's default set");
        assert_eq!(change(&["NET_ADMIN"], &["ALL"]).apply(true, all), net_admin);
        assert_eq!(change(&["all"], &["CAP_NET_ADMIN"]).apply(false, all), all & !net_admin);
        assert_eq!(change(&[], &["cap_net_admin"]).apply(true, all), all & !net_admin);
        assert_eq!(change(&["BPF"], &[]).apply(true, all_up_to(38)), all_up_to(38), "not on this kernel");
    }

    #[test]
    fn added_and_dropped() {
        assert_eq!(change(&["KILL"], &["KILL"]).conflict(), Some("KILL"));
        assert_eq!(change(&["ALL"], &["KILL"]).conflict(), None);
        assert_eq!(change(&["ALL"], &["ALL"]).conflict(), Some("ALL"));
        assert_eq!(change(&["KILL"], &["CHOWN"]).conflict(), None);
    }
}
