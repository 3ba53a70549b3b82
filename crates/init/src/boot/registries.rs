//! Mirrors and logins, from the options to what pulls.

use image::{Credentials, Keyring, Mirror};
use options::Options;

/// `b2c.registry_mirror`, in the order in which mirrors are asked.
pub fn mirrors(options: &Options) -> Vec<Mirror> {
    let of_one = |option: &options::RegistryMirror| {
        let mirror = |place: &options::Place| Mirror {
            registry: option.registry.clone(),
            host: place.host.clone(),
            prefix: place.prefix.clone(),
            insecure: option.insecure,
        };
        option.mirrors.iter().map(mirror).collect::<Vec<_>>()
    };
    options.registry_mirror.iter().flat_map(of_one).collect()
}

/// `b2c.login`, the last one first: it is the one that counts.
pub fn logins(options: &Options) -> Vec<Keyring> {
    let login = |login: &options::Login| Keyring::Login {
        registry: login.registry.clone(),
        credentials: Credentials { user: login.user.clone(), password: login.password.reveal().clone() },
    };
    options.login.iter().rev().map(login).collect()
}
