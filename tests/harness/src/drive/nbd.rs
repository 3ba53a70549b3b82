//! As much of the NBD protocol as QEMU's client speaks with a server of one export (NetworkBlockDevice/nbd, doc/proto.md).

use std::io::{self, Read, Write};
use std::ops::Range;

const SERVER_MAGIC: u64 = u64::from_be_bytes(*b"NBDMAGIC");
const OPTION_MAGIC: u64 = u64::from_be_bytes(*b"IHAVEOPT");
const OPTION_REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;
const REQUEST_MAGIC: u32 = 0x2560_9513;
const REPLY_MAGIC: u32 = 0x6744_6698;

/// Handshake flags of the server: fixed newstyle, no padding.
const FIXED_NEWSTYLE_NO_ZEROES: u16 = 1 | 2;

const OPTION_ABORT: u32 = 2;
const OPTION_INFO: u32 = 6;
const OPTION_GO: u32 = 7;

const REPLY_ACK: u32 = 1;
const REPLY_INFO: u32 = 3;
const REPLY_UNSUPPORTED: u32 = 1 << 31 | 1;

/// The information that GO asks for: size and transmission flags.
const INFO_EXPORT: u16 = 0;

/// Transmission flags: they are there, TRIM and WRITE_ZEROES are understood.
const FLAGS: u16 = 1 | 1 << 5 | 1 << 6;
/// Transmission flags: FLUSH and FUA are understood.
const FLAGS_OF_A_CACHE: u16 = 1 << 2 | 1 << 3;

/// "Invalid argument", of the errors that a reply may have.
const EINVAL: u32 = 22;

/// More than QEMU's client ever sends at once.
const MOST_BYTES: u32 = 64 << 20;

/// What a client asks for. Ranges are in bytes.
#[derive(Debug)]
pub enum Order {
    Read(Range<u64>),
    /// `through`: to be written down before the reply (FUA).
    Write {
        start: u64,
        bytes: Vec<u8>,
        through: bool,
    },
    Zero {
        range: Range<u64>,
        through: bool,
    },
    Flush,
}

/// A request, to be answered with the same handle.
#[derive(Debug)]
pub struct Request {
    pub handle: u64,
    pub order: Order,
}

/// Agrees with a new client about the export. `false`: it did not want it after all.
pub fn negotiate(stream: &mut (impl Read + Write), size: u64, has_cache: bool) -> io::Result<bool> {
    stream.write_all(&SERVER_MAGIC.to_be_bytes())?;
    stream.write_all(&OPTION_MAGIC.to_be_bytes())?;
    stream.write_all(&FIXED_NEWSTYLE_NO_ZEROES.to_be_bytes())?;
    let _client_flags = u32::from_be_bytes(take(stream)?);
    loop {
        expect(u64::from_be_bytes(take(stream)?) == OPTION_MAGIC, "an option")?;
        let option = u32::from_be_bytes(take(stream)?);
        let length = u32::from_be_bytes(take(stream)?);
        // The name of the export, and which information is wanted: there is one of each.
        io::copy(&mut stream.take(length.into()), &mut io::sink())?;
        match option {
            OPTION_GO | OPTION_INFO => {
                let flags = if has_cache { FLAGS | FLAGS_OF_A_CACHE } else { FLAGS };
                let mut info = INFO_EXPORT.to_be_bytes().to_vec();
                info.extend(size.to_be_bytes());
                info.extend(flags.to_be_bytes());
                reply_to_option(stream, option, REPLY_INFO, &info)?;
                reply_to_option(stream, option, REPLY_ACK, &[])?;
                if option == OPTION_GO {
                    return Ok(true);
                }
            }
            OPTION_ABORT => {
                reply_to_option(stream, option, REPLY_ACK, &[])?;
                return Ok(false);
            }
            _ => reply_to_option(stream, option, REPLY_UNSUPPORTED, &[])?,
        }
    }
}

fn reply_to_option(stream: &mut impl Write, option: u32, kind: u32, data: &[u8]) -> io::Result<()> {
    let mut reply = OPTION_REPLY_MAGIC.to_be_bytes().to_vec();
    reply.extend(option.to_be_bytes());
    reply.extend(kind.to_be_bytes());
    reply.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    reply.extend(data);
    stream.write_all(&reply)
}

/// The next request that makes sense on a drive of that size; others are refused. `None`: the client is done.
pub fn next(stream: &mut (impl Read + Write), size: u64) -> io::Result<Option<Request>> {
    loop {
        expect(u32::from_be_bytes(take(stream)?) == REQUEST_MAGIC, "a request")?;
        let flags = u16::from_be_bytes(take(stream)?);
        let kind = u16::from_be_bytes(take(stream)?);
        let handle = u64::from_be_bytes(take(stream)?);
        let start = u64::from_be_bytes(take(stream)?);
        let length = u32::from_be_bytes(take(stream)?);
        let range = start..start.saturating_add(length.into());
        let through = flags & 1 != 0;
        let order = match kind {
            0 if length <= MOST_BYTES => Some(Order::Read(range.clone())),
            1 => {
                expect(length <= MOST_BYTES, "a write of a size that clients send")?;
                let mut bytes = vec![0; usize::try_from(length).unwrap()];
                stream.read_exact(&mut bytes)?;
                Some(Order::Write { start, bytes, through })
            }
            2 => return Ok(None),
            3 => Some(Order::Flush),
            4 | 6 => Some(Order::Zero { range: range.clone(), through }),
            _ => None,
        };
        match order {
            Some(order) if range.end <= size => return Ok(Some(Request { handle, order })),
            _ => reply(stream, handle, EINVAL, &[])?,
        }
    }
}

/// Says that a request has been done; `bytes` are what was read.
pub fn done(stream: &mut impl Write, handle: u64, bytes: &[u8]) -> io::Result<()> {
    reply(stream, handle, 0, bytes)
}

fn reply(stream: &mut impl Write, handle: u64, error: u32, bytes: &[u8]) -> io::Result<()> {
    let mut reply = REPLY_MAGIC.to_be_bytes().to_vec();
    reply.extend(error.to_be_bytes());
    reply.extend(handle.to_be_bytes());
    reply.extend(bytes);
    stream.write_all(&reply)
}

fn take<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn expect(true_for_nbd: bool, what: &str) -> io::Result<()> {
    if true_for_nbd { Ok(()) } else { Err(io::Error::other(format!("the client does not send {what}"))) }
}
