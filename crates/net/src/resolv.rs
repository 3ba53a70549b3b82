//! /etc/resolv.conf, which the C library reads before every look-up (resolv.conf(5)), and /proc/net/pnp, which has its format.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

/// Whom to ask for addresses, and what may be added to a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolvers {
    name_servers: Vec<String>,
    search: Vec<String>,
}

impl Resolvers {
    /// Takes an interface's servers if there are none yet.
    pub(crate) fn add_servers_if_none(&mut self, interface: &str, servers: impl IntoIterator<Item = IpAddr>) {
        if self.name_servers.is_empty() {
            self.add_servers(interface, servers);
        }
    }

    fn add_servers(&mut self, interface: &str, servers: impl IntoIterator<Item = IpAddr>) {
        for server in servers {
            let text = match server {
                // The same address may be on every link.
                IpAddr::V6(address) if address.is_unicast_link_local() => format!("{address}%{interface}"),
                _ => server.to_string(),
            };
            if !server.is_unspecified() && !self.name_servers.contains(&text) {
                self.name_servers.push(text);
            }
        }
    }

    /// Adds the domains that are not there yet, behind those that are.
    pub(crate) fn add_search(&mut self, search: impl IntoIterator<Item = String>) {
        for domain in search {
            if !self.search.contains(&domain) {
                self.search.push(domain);
            }
        }
    }

    /// Reads the lines `nameserver` and `domain`; those of other words (`bootserver`, `#PROTO`) mean nothing here.
    pub(crate) fn parse(text: &str) -> Resolvers {
        let mut resolvers = Resolvers::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("nameserver"), Some(address)) => resolvers.add_servers("", address.parse()),
                (Some("domain"), Some(domain)) => resolvers.add_search([domain.into()]),
                _ => {}
            }
        }
        resolvers
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            text.push_str(&format!("search {}\n", self.search.join(" ")));
        }
        for server in &self.name_servers {
            text.push_str(&format!("nameserver {server}\n"));
        }
        text
    }
}

/// The file, and what was written to it last.
#[derive(Debug)]
pub(crate) struct ResolvConf {
    path: PathBuf,
    written: Resolvers,
}

impl ResolvConf {
    pub(crate) fn new(path: PathBuf) -> ResolvConf {
        ResolvConf { path, written: Resolvers::default() }
    }

    /// Replaces the file, so that a reader sees either all of the old or all of the new. As long as there is nothing to say, a file that
    /// came with the initramfs is left alone.
    pub(crate) fn write(&mut self, resolvers: Resolvers) {
        if resolvers == self.written {
            return;
        }
        match self.replace(&resolvers.text()) {
            Ok(()) => self.written = resolvers,
            Err(e) => log::error!("{}: name servers cannot be written: {e}", self.path.display()),
        }
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("conf.new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_file_is_read() {
        let pnp = "#PROTO: DHCP\ndomain lab.example\nnameserver 10.42.0.1\nnameserver 0.0.0.0\nbootserver 10.42.0.1\nnameserver x\n";
        let resolvers = Resolvers::parse(pnp);
        assert_eq!(resolvers.text(), "search lab.example\nnameserver 10.42.0.1\n");
    }

    #[test]
    fn the_first_are_asked_and_each_once() {
        let mut resolvers = Resolvers::default();
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        resolvers.add_servers_if_none("eth0", []);
        resolvers.add_servers_if_none("eth1", [address(1), address(2), address(1)]);
        resolvers.add_servers_if_none("eth2", [address(3)]);
        resolvers.add_search(["a.example".to_owned()]);
        resolvers.add_search(["b.example".to_owned(), "a.example".to_owned()]);
        assert_eq!(
            resolvers.text(),
            "search a.example b.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n"
        );
    }

    #[test]
    fn the_file_is_replaced_and_only_when_there_is_news() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etc/resolv.conf");
        let mut file = ResolvConf::new(path.clone());
        file.write(Resolvers::default());
        assert!(!path.exists());
        file.write(Resolvers::parse("nameserver 10.0.0.1"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "nameserver 10.0.0.1\n");
        file.write(Resolvers::default());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
