//! Systemd mode: what a container has to be like for systemd to be its process 1 (systemd.io/CONTAINER_INTERFACE).

use crate::flags::{RunRequest, Systemd};
use std::path::Path;

/// Paths that mean systemd, whatever they link to: `Path::file_name` finds the rest.
/// Divergence: podman does not know /bin/init, which users write; on merged-usr systems it is the same file as /sbin/init.
const INITS: [&str; 5] =
    ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init", "/bin/init", "/usr/bin/init"];

/// Whether the container gets it.
pub(super) fn wanted(request: &RunRequest, args: &[String]) -> bool {
    match request.systemd {
        Systemd::Always => true,
        Systemd::Never => false,
        Systemd::Detect => {
            // An image built with a command in shell form has these two words before it.
            let words = match args {
                [shell, dash_c, rest @ ..] if shell == "/bin/sh" && dash_c == "-c" && !rest.is_empty() => {
                    rest
                }
                _ => args,
            };
            words.first().is_some_and(|word| is_init(word))
        }
    }
}

fn is_init(word: &str) -> bool {
    INITS.contains(&word) || Path::new(word).file_name().is_some_and(|name| name == "systemd")
}

/// 128 random bits, as systemd wants `container_uuid`: every container is new, so its machine id is too.
pub(super) fn container_uuid() -> String {
    let mut bits = [0_u8; 16];
    // Without randomness, a constant still lets systemd start.
    _ = rustix::rand::getrandom(&mut bits, rustix::rand::GetRandomFlags::empty());
    // RFC 9562, section 5.4: version 4, variant 1.
    bits[6] = bits[6] & 0x0f | 0x40;
    bits[8] = bits[8] & 0x3f | 0x80;
    bits.iter().map(|byte| format!("{byte:02x}")).collect()
}
