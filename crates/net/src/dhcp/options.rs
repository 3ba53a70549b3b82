//! The option area of a DHCP message: cut into options, and each option's value into what it means.
//!
//! The codec is our own: dhcproto knows a hundred options and brings a DNS library for three of them, 78 KB of the compressed initramfs.

use super::code;
use super::reply::DhcpError;
use crate::names::{Pointers, dns_name, is_host_name, is_name};
use std::net::Ipv4Addr;

/// As many as resolvers look at, and more than any network has.
const MAX_LIST: usize = 32;

/// One route of option 121.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network; the bits beyond the prefix are zero.
    pub destination: Ipv4Addr,
    /// How many bits name the network.
    pub prefix: u8,
    /// `0.0.0.0`: the network is on the link itself.
    pub gateway: Ipv4Addr,
}

/// The options of a message. What is split over several areas and instances is put together (RFC 3396).
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(u8, Vec<u8>)>);

impl Options {
    /// Reads the options after the magic cookie, and `file` and `sname` if they hold options too (RFC 2131 §4.1).
    pub(super) fn parse(options: &[u8], file: &[u8], sname: &[u8]) -> Result<Options, DhcpError> {
        let mut all = Options::default();
        all.add(options)?;
        let overload = all.byte(code::OVERLOAD)?.unwrap_or(0);
        if overload & 1 != 0 {
            all.add(file)?;
        }
        if overload & 2 != 0 {
            all.add(sname)?;
        }
        Ok(all)
    }

    fn add(&mut self, mut area: &[u8]) -> Result<(), DhcpError> {
        // An area that just ends, without the end option, is common and harmless.
        while let [code, rest @ ..] = area {
            match *code {
                code::PAD => area = rest,
                code::END => return Ok(()),
                code => {
                    let Some((value, next)) =
                        rest.split_first().and_then(|(length, rest)| rest.split_at_checked((*length).into()))
                    else {
                        return Err(DhcpError::Truncated { code });
                    };
                    match self.0.iter_mut().find(|option| option.0 == code) {
                        Some(option) => option.1.extend(value),
                        None => self.0.push((code, value.into())),
                    }
                    area = next;
                }
            }
        }
        Ok(())
    }

    fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.iter().find(|option| option.0 == code).map(|option| option.1.as_slice())
    }

    fn fixed<const N: usize>(&self, code: u8) -> Result<Option<[u8; N]>, DhcpError> {
        self.get(code).map(|value| value.try_into().map_err(|_| DhcpError::Malformed { code })).transpose()
    }

    pub(super) fn byte(&self, code: u8) -> Result<Option<u8>, DhcpError> {
        Ok(self.fixed(code)?.map(u8::from_be_bytes))
    }

    pub(super) fn short(&self, code: u8) -> Result<Option<u16>, DhcpError> {
        Ok(self.fixed(code)?.map(u16::from_be_bytes))
    }

    pub(super) fn long(&self, code: u8) -> Result<Option<u32>, DhcpError> {
        Ok(self.fixed(code)?.map(u32::from_be_bytes))
    }

    pub(super) fn address(&self, code: u8) -> Result<Option<Ipv4Addr>, DhcpError> {
        Ok(self.fixed::<4>(code)?.map(Ipv4Addr::from))
    }

    /// One or more addresses; none if the option is not there.
    pub(super) fn addresses(&self, code: u8) -> Result<Vec<Ipv4Addr>, DhcpError> {
        let Some(value) = self.get(code) else { return Ok(Vec::new()) };
        let (addresses, rest) = value.as_chunks::<4>();
        if addresses.is_empty() || !rest.is_empty() {
            return Err(DhcpError::Malformed { code });
        }
        Ok(addresses.iter().take(MAX_LIST).map(|&address| Ipv4Addr::from(address)).collect())
    }

    /// The length of a subnet mask.
    pub(super) fn mask(&self) -> Result<Option<u8>, DhcpError> {
        let malformed = DhcpError::Malformed { code: code::SUBNET_MASK };
        let Some(mask) = self.long(code::SUBNET_MASK)? else { return Ok(None) };
        // Ones, then zeros.
        let ones = mask.leading_ones();
        if ones + mask.trailing_zeros() < 32 { Err(malformed) } else { Ok(u8::try_from(ones).ok()) }
    }

    /// A domain's name. It will be written to files, so it has to be one.
    pub(super) fn domain(&self, code: u8) -> Result<Option<String>, DhcpError> {
        self.name(code, is_name)
    }

    /// A host's name, which will be this machine's.
    pub(super) fn host_name(&self, code: u8) -> Result<Option<String>, DhcpError> {
        self.name(code, is_host_name)
    }

    fn name(&self, code: u8, is_right: fn(&str) -> bool) -> Result<Option<String>, DhcpError> {
        let Some(value) = self.get(code) else { return Ok(None) };
        // Some servers end it like a C string.
        let end = value.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let name = std::str::from_utf8(&value[..end]).unwrap_or_default().trim_end_matches('.');
        if is_right(name) { Ok(Some(name.into())) } else { Err(DhcpError::Malformed { code }) }
    }

    /// Whether an option that says all by being there is there.
    pub(super) fn flag(&self, code: u8) -> bool {
        self.get(code).is_some_and(<[u8]>::is_empty)
    }

    /// What a server has to say to people.
    pub(super) fn message(&self) -> String {
        let text = String::from_utf8_lossy(self.get(code::MESSAGE).unwrap_or_default());
        text.chars().filter(|c| !c.is_control()).take(100).collect()
    }

    /// Option 121: prefix length, the significant octets of the network, gateway; repeated.
    pub(super) fn classless_routes(&self) -> Result<Option<Vec<Route>>, DhcpError> {
        let malformed = DhcpError::Malformed { code: code::CLASSLESS_ROUTES };
        let Some(mut value) = self.get(code::CLASSLESS_ROUTES) else { return Ok(None) };
        let mut routes = Vec::new();
        while let [prefix, rest @ ..] = value {
            let significant = usize::from(prefix.div_ceil(8));
            let (Some((network, rest)), 0..=32) = (rest.split_at_checked(significant), *prefix) else {
                return Err(malformed);
            };
            let Some((gateway, rest)) = rest.split_first_chunk::<4>() else { return Err(malformed) };
            let mut octets = [0; 4];
            octets[..significant].copy_from_slice(network);
            let mask = u32::MAX.checked_shl(32 - u32::from(*prefix)).unwrap_or(0);
            let destination = Ipv4Addr::from(u32::from_be_bytes(octets) & mask);
            routes.push(Route { destination, prefix: *prefix, gateway: (*gateway).into() });
            value = rest;
        }
        routes.truncate(MAX_LIST);
        Ok(Some(routes))
    }

    /// Option 119: names as DNS writes them, with compression within the option.
    pub(super) fn search(&self) -> Result<Vec<String>, DhcpError> {
        let Some(value) = self.get(code::SEARCH) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        let mut at = 0;
        while at < value.len() && names.len() < MAX_LIST {
            let (name, next) =
                dns_name(value, at, Pointers::Followed).ok_or(DhcpError::Malformed { code: code::SEARCH })?;
            names.push(name);
            at = next;
        }
        Ok(names)
    }
}
