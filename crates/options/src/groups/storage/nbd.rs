//! `b2c.nbd`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::table::{Mark, OptionSpec, closest};
use crate::values::{self, Result};

/// A network block device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nbd {
    /// `N` of `/dev/nbdN`.
    pub index: u32,
    /// The server.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// TCP connections to it, at least 1.
    pub connections: u8,
}

pub(super) static NBD: OptionSpec = OptionSpec {
    name: "b2c.nbd",
    aliases: &[],
    value: "/dev/nbdN,host=HOST,port=PORT[,connections=N]",
    default: "",
    repeatable: true,
    help: "Attaches an NBD export before cache, swap and file systems are looked at.",
    doc: "The server has to speak the newstyle protocol (nbd-server since 3.10, qemu-nbd, nbdkit), and to have a default export, one with an empty name; TLS is not spoken.

`connections` is 1 to 64, 1 if it is not given; a server that does not allow several gets one, with a warning.

A server that is not there is waited for, up to 15 s. When it goes away later, what reads or writes waits for it, up to 5 minutes, and connections are opened again when it is back. If a device cannot be \
attached, that is a red line, and the boot goes on.",
    example: "b2c.nbd=/dev/nbd0,host=10.42.0.1,port=10809,connections=4",
    marks: &[Mark::New("The exact meaning is ours.")],
    update: |value, options, report| {
        options.nbd.push(nbd(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn nbd<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Nbd> {
    let (device, rest) = values::head(value);
    let index = index(device)?;
    let (mut host, mut port, mut connections) = (None, None, 1);
    for piece in values::pieces(rest) {
        match piece.key.text() {
            "host" => host = Some(values::host(piece.needed()?)?),
            "port" => port = u16::try_from(values::number(piece.needed()?, 1..=65535)?).ok(),
            "connections" => {
                connections = u8::try_from(values::number(piece.needed()?, 1..=64)?).unwrap_or(1);
            }
            key => {
                let known = closest(key, ["host", "port", "connections"].into_iter()).unwrap_or_default();
                let problem = Problem::new(piece.whole, "is not known and ignored");
                report.warn(problem.help(format!("the closest known key is {known}")));
            }
        }
    }
    let host =
        host.ok_or_else(|| Problem::new(value, "lacks host=").help("name the server: host=10.42.0.1"))?;
    let port =
        port.ok_or_else(|| Problem::new(value, "lacks port=").help("name the server's port: port=10809"))?;
    Ok(Nbd { index, host, port, connections })
}

fn index(device: Slice<'_>) -> Result<'_, u32> {
    let digits = device
        .text()
        .strip_prefix("/dev/nbd")
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    // Each device takes 32 of the kernel's 2^20 minor numbers.
    digits
        .and_then(|digits| digits.parse().ok())
        .filter(|&index| index < 1 << 15)
        .ok_or_else(|| Problem::new(device, "is not an NBD device").help("begin with one, such as /dev/nbd0"))
}
