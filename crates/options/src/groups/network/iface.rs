//! `b2c.iface`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::{OptionSpec, Support, closest};
use crate::values::{self, Piece, Result};
use std::net::IpAddr;

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iface {
    /// The kernel's name of the link.
    pub name: String,
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
    value: "NAME[,address=IP/PREFIX]…[,gateway=IP]…[,nameserver=IP]…[,route=DEST:VIA]…[,forward][,auto|dhcp]",
    default: "DHCP on all links, the first lease wins",
    repeatable: true,
    help: "Configures one network interface; no other one is then touched.",
    doc: "- `address=IP/PREFIX`: an address with the length of its network's prefix.
- `gateway=IP`: the default route.
- `nameserver=IP`: in the order in which they are asked.
- `route=DEST:VIA`: `DEST` is `IP/PREFIX`, an `IP` or `default`, `VIA` an address of the same family.
- `forward`: forward packets.
- `dhcp`: get a lease. `auto`: take what the link offers. Without either, and without an address, the link only comes up.

IPv4 and IPv6 are both taken. A word that is not known warns. A bad address is an error, and the rest of the interface is still set up.",
    example: "b2c.iface=eth0,address=10.42.0.2/24,gateway=10.42.0.1,nameserver=10.42.0.1",
    marks: &[],
    support: Support::Now,
    update: |value, options, report| {
        options.iface.push(iface(value, report)?);
        Ok(())
    },
    refuse: None,
};

const WORDS: [&str; 7] = ["address", "gateway", "nameserver", "route", "forward", "auto", "dhcp"];

fn iface<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Iface> {
    let (name, rest) = values::head(value);
    // IFNAMSIZ counts a final NUL.
    if name.is_empty()
        || name.text().len() > 15
        || name.text().contains(|c: char| matches!(c, '/' | '=') || !c.is_ascii_graphic())
    {
        return Err(
            Problem::new(name, "is not the name of an interface").help("begin with one, such as eth0")
        );
    }
    let mut iface = Iface {
        name: values::owned(name),
        addresses: Vec::new(),
        gateways: Vec::new(),
        nameservers: Vec::new(),
        routes: Vec::new(),
        forward: false,
        method: Method::Static,
    };
    for piece in values::pieces(rest) {
        if let Err(problem) = add(&piece, &mut iface, report) {
            report.error(problem);
        }
    }
    Ok(iface)
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
