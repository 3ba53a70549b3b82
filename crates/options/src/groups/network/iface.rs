//! `b2c.iface`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::{Mark, OptionSpec, closest};
use crate::values::{self, Piece, Result};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iface {
    /// Which it is.
    pub link: Link,
    /// Not the link itself is set up but a VLAN on it, with this number.
    pub vlan: Option<u16>,
    /// Its fixed addresses.
    pub addresses: Vec<Address>,
    /// Default routes, one an address family.
    pub gateways: Vec<IpAddr>,
    /// Name servers, in order.
    pub nameservers: Vec<IpAddr>,
    /// Further routes.
    pub routes: Vec<Route>,
    /// Packets are forwarded between this and other links.
    pub forward: bool,
    /// What is done besides.
    pub method: Method,
    /// Bytes in a packet.
    pub mtu: Option<u16>,
    /// Nobody waits for it, and its failure is none.
    pub optional: bool,
}

/// How an interface is told from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The kernel's name for it.
    Name(String),
    /// Its Ethernet address, for names depend on the order in which drivers find their cards.
    Mac([u8; 6]),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Link::Name(name) => f.write_str(name),
            Link::Mac([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
        }
    }
}

/// An address and how many of its leading bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// IPv4 or IPv6.
    pub ip: IpAddr,
    /// 0 to 32 or 128.
    pub prefix: u8,
}

/// A route to a network or a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None` is everything: a default route.
    pub destination: Option<Address>,
    /// The next hop, of the destination's family.
    pub via: IpAddr,
}

/// How an interface gets addresses besides its fixed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Not at all.
    Static,
    /// `auto`: whatever the link offers.
    Auto,
    /// `dhcp`: a DHCP lease.
    Dhcp,
}

pub(super) static IFACE: OptionSpec = OptionSpec {
    name: "b2c.iface",
    aliases: &[],
    value: "NAME|MAC[,vlan=ID][,address=IP/PREFIX]…[,gateway=IP]…[,nameserver=IP]…[,route=DEST:VIA]…[,forward][,mtu=BYTES][,auto|dhcp][,optional]",
    default: "whatever the links offer, the first that answers wins",
    repeatable: true,
    help: "Configures one network interface; no other one is then touched.",
    doc: "The interface is named as the kernel names it, or by its Ethernet address, such as `52:54:00:12:34:56`.

- `vlan=ID`: make the VLAN interface `NAME.ID` on it, and configure that one. 1 to 4094.
- `address=IP/PREFIX`: an address with the length of its network's prefix.
- `gateway=IP`: the default route.
- `nameserver=IP`: whom to ask for names, instead of whom DHCP names. All of one interface are asked at once, those of the first that has any.
- `route=DEST:VIA`: `DEST` is `IP/PREFIX`, an `IP` or `default`, `VIA` an address of the same family.
- `forward`: forward packets.
- `mtu=BYTES`: how long packets may be, whatever DHCP says. 576 to 65535.
- `dhcp`: get a lease. `auto`: take what the link offers, a lease or IPv6 router advertisements. Without either, and without an address, the \
link only comes up.
- `optional`: nobody waits for this interface, and it may be missing. If all are optional, the first that is ready is the network.

IPv4 and IPv6 are both taken. [networking.md](networking.md) has examples. A word that is not known warns. A bad address is an error, and the rest of the interface is still set up; after a bad `vlan` nothing of it is.",
    example: "b2c.iface=eth0,address=10.42.0.2/24,gateway=10.42.0.1,nameserver=10.42.0.1",
    marks: &[Mark::New("A MAC in the place of NAME, `vlan`, `mtu`, `optional`.")],
    update: |value, options, report| {
        options.iface.push(iface(value, report)?);
        Ok(())
    },
    refuse: None,
};

const WORDS: [&str; 10] =
    ["address", "gateway", "nameserver", "route", "forward", "auto", "dhcp", "vlan", "mtu", "optional"];

fn iface<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Iface> {
    let (name, rest) = values::head(value);
    let mut iface = Iface {
        link: link(name)?,
        vlan: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        nameservers: Vec::new(),
        routes: Vec::new(),
        forward: false,
        method: Method::Static,
        mtu: None,
        optional: false,
    };
    for piece in values::pieces(rest) {
        if piece.key.text() == "vlan" {
            // Without it another network would be configured.
            iface.vlan = Some(short(piece.needed()?, 1..=4094)?);
        } else if let Err(problem) = add(&piece, &mut iface, report) {
            report.error(problem);
        }
    }
    Ok(iface)
}

fn link(part: Slice<'_>) -> Result<'_, Link> {
    let text = part.text();
    if let Some(mac) = mac(text) {
        return Ok(Link::Mac(mac));
    }
    // IFNAMSIZ counts a final NUL.
    if part.is_empty()
        || text.len() > 15
        || text.contains(|c: char| matches!(c, '/' | '=') || !c.is_ascii_graphic())
    {
        return Err(Problem::new(part, "is not the name of an interface")
            .help("begin with one, such as eth0, or with its MAC, such as 52:54:00:12:34:56"));
    }
    Ok(Link::Name(values::owned(part)))
}

/// `52:54:00:12:34:56`; longer than any name can be.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut octets = text.split(':').map(|octet| {
        let two_digits = octet.len() == 2 && octet.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(octet, 16).ok().filter(|_| two_digits)
    });
    let mut mac = [0; 6];
    for octet in &mut mac {
        *octet = octets.next()??;
    }
    octets.next().is_none().then_some(mac)
}

fn short(part: Slice<'_>, allowed: RangeInclusive<u64>) -> Result<'_, u16> {
    // What is allowed fits.
    values::number(part, allowed).map(|number| u16::try_from(number).unwrap_or(u16::MAX))
}

fn add<'a>(piece: &Piece<'a>, iface: &mut Iface, report: &mut Report) -> Result<'a, ()> {
    match piece.key.text() {
        "address" => {
            let (ip, prefix) = values::ip_prefix(piece.needed()?)?;
            iface.addresses.push(Address { ip, prefix });
        }
        "gateway" => iface.gateways.push(values::ip(piece.needed()?)?),
        "nameserver" => iface.nameservers.push(values::ip(piece.needed()?)?),
        "route" => iface.routes.push(route(piece.needed()?)?),
        "forward" => iface.forward = true,
        // RFC 791: every host takes 576 bytes.
        "mtu" => iface.mtu = Some(short(piece.needed()?, 576..=65535)?),
        "optional" => iface.optional = true,
        "auto" => iface.method = Method::Auto,
        "dhcp" => iface.method = Method::Dhcp,
        word => {
            let problem = Problem::new(piece.whole, "is not known and ignored");
            report.warn(match closest(word, WORDS.into_iter()) {
                Some(known) => problem.help(format!("the closest known word is {known}")),
                None => problem,
            });
        }
    }
    Ok(())
}

/// `DEST:VIA`. With IPv6 any colon may be the one: the route is right if exactly one of them makes sense.
fn route(part: Slice<'_>) -> Result<'_, Route> {
    let readings = part.text().match_indices(':').filter_map(|(colon, _)| {
        let (destination, via) = (part.part(0..colon), part.part(colon + 1..part.text().len()));
        let via = values::ip(via).ok()?;
        let destination = destination_of(destination)?;
        let same_family = destination.is_none_or(|address| address.ip.is_ipv4() == via.is_ipv4());
        same_family.then_some(Route { destination, via })
    });
    let readings: Vec<Route> = readings.take(2).collect();
    match readings[..] {
        [route] => Ok(route),
        [] => Err(Problem::new(part, "is not a route").help("write DEST:VIA, such as 10.1.0.0/16:10.42.0.1")),
        _ => {
            Err(Problem::new(part, "can be read in several ways").help("write the destination as IP/PREFIX"))
        }
    }
}

fn destination_of(part: Slice<'_>) -> Option<Option<Address>> {
    if part.text() == "default" {
        return Some(None);
    }
    if let Ok((ip, prefix)) = values::ip_prefix(part) {
        return Some(Some(Address { ip, prefix }));
    }
    let ip = values::ip(part).ok()?;
    Some(Some(Address { ip, prefix: if ip.is_ipv4() { 32 } else { 128 } }))
}
