//! The newstyle negotiation of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md): from a fresh connection to an export.
//!
//! Everything that the server says is bounded, and nothing of it is believed before its magic number was seen.

use std::io::{self, Read, Write};

/// `NBDMAGIC`, the first word of every server.
const MAGIC: u64 = 0x4e42_444d_4147_4943;
/// `IHAVEOPT`: the server speaks newstyle; also in front of every option.
const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
/// The second word of an oldstyle server.
const OLDSTYLE_MAGIC: u64 = 0x0000_4202_8186_1253;
/// In front of every reply to an option.
const REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;

/// Handshake flags, which the client repeats.
const FIXED_NEWSTYLE: u16 = 1;
const NO_ZEROES: u16 = 1 << 1;
/// What follows the flags of an export where the server does not omit it.
const ZEROES: usize = 124;

const OPT_EXPORT_NAME: u32 = 1;
const OPT_GO: u32 = 7;

const REP_ACK: u32 = 1;
const REP_INFO: u32 = 3;
const REP_ERROR: u32 = 1 << 31;
const REP_ERR_UNSUP: u32 = REP_ERROR | 1;

const INFO_EXPORT: u16 = 0;
const INFO_BLOCK_SIZE: u16 = 3;

/// Transmission flag: the device is read-only.
pub(super) const READ_ONLY: u16 = 1 << 1;
/// Transmission flag: what one connection has flushed, all others see.
pub(super) const CAN_MULTI_CONN: u16 = 1 << 8;

/// Longest data of a reply. The protocol's strings end at 4096 bytes.
const MAX_REPLY: u32 = 8192;
/// Most replies to one option; a server has one information of each kind to give.
const MAX_REPLIES: usize = 32;
/// How much of a server's text is shown.
const MAX_TEXT: usize = 200;

/// What a server exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// In bytes.
    pub size: u64,
    /// Transmission flags (`NBD_FLAG_*`), for the kernel.
    pub flags: u16,
    /// Smallest request, in bytes, if the server says so.
    pub block_size: Option<u32>,
}

/// The server is no NBD server, or does not give the export.
#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    /// The connection broke, or the server is silent.
    #[error("the connection fails: {0}")]
    Connection(io::Error),
    /// The server closes the connection; to the oldest kind of request that is how it says no.
    #[error("the server closes the connection; it may not have a default export, or refuse this machine")]
    Closed,
    /// Another protocol.
    #[error("this is no NBD server: it begins with {0:#018x}")]
    NotNbd(u64),
    /// A server from before 2011, or one that was told to be so.
    #[error(
        "the server speaks the oldstyle protocol, which was given up; use nbd-server 3.10 or newer, or qemu-nbd"
    )]
    Oldstyle,
    /// The server has the export, but not for us.
    #[error("the server refuses the default export: {reason}{}", text(said))]
    Refused {
        /// By the kind of its answer.
        reason: &'static str,
        /// In its own words.
        said: String,
    },
    /// It breaks the protocol.
    #[error("the server breaks the protocol: {0}")]
    Malformed(&'static str),
}

impl From<io::Error> for NegotiationError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Closed
            }
            _ => Self::Connection(error),
        }
    }
}

/// Asks the server at the other end of `stream` for its default export. Then the connection is ready for requests.
///
/// # Errors
/// When the server refuses, breaks the protocol, or reading and writing fails.
pub fn negotiate(stream: &mut (impl Read + Write)) -> Result<Export, NegotiationError> {
    match u64::from_be_bytes(read(stream)?) {
        MAGIC => {}
        other => return Err(NegotiationError::NotNbd(other)),
    }
    match u64::from_be_bytes(read(stream)?) {
        OPTION_MAGIC => {}
        OLDSTYLE_MAGIC => return Err(NegotiationError::Oldstyle),
        _ => return Err(NegotiationError::Malformed("its second word is unknown")),
    }
    let flags = u16::from_be_bytes(read(stream)?) & (FIXED_NEWSTYLE | NO_ZEROES);
    stream.write_all(&u32::from(flags).to_be_bytes())?;
    if flags & FIXED_NEWSTYLE != 0
        && let Some(export) = go(stream)?
    {
        return Ok(export);
    }
    export_name(stream, flags & NO_ZEROES != 0)
}

/// `NBD_OPT_GO`; `None` if the server is older than that.
fn go(stream: &mut (impl Read + Write)) -> Result<Option<Export>, NegotiationError> {
    // The length of the empty name, and one wish: a server may insist that we know its block size.
    let mut wish = vec![0; 4];
    wish.extend(1_u16.to_be_bytes());
    wish.extend(INFO_BLOCK_SIZE.to_be_bytes());
    send_option(stream, OPT_GO, &wish)?;
    let (mut found, mut block_size) = (None, None);
    for _ in 0..MAX_REPLIES {
        let (kind, data) = reply(stream, OPT_GO)?;
        match kind {
            REP_ACK => {
                let (size, flags) =
                    found.ok_or(NegotiationError::Malformed("it does not say how large the export is"))?;
                return Ok(Some(Export { size, flags, block_size }));
            }
            REP_INFO => match (data.first_chunk().map(|kind| u16::from_be_bytes(*kind)), data.get(2..)) {
                (Some(INFO_EXPORT), Some(rest)) => found = Some(size_and_flags(rest)?),
                (Some(INFO_BLOCK_SIZE), Some(rest)) => block_size = Some(smallest_block(rest)?),
                _ => {}
            },
            REP_ERR_UNSUP => return Ok(None),
            error if error & REP_ERROR != 0 => {
                return Err(NegotiationError::Refused { reason: reason(error), said: shown(&data) });
            }
            _ => return Err(NegotiationError::Malformed("a reply is of a kind that was not asked for")),
        }
    }
    Err(NegotiationError::Malformed("it replies without end"))
}

/// `NBD_OPT_EXPORT_NAME`, which all servers know: the answer has no header, and a refusal is a closed connection.
fn export_name(stream: &mut (impl Read + Write), no_zeroes: bool) -> Result<Export, NegotiationError> {
    send_option(stream, OPT_EXPORT_NAME, &[])?;
    let (size, flags) = size_and_flags(&read::<10>(stream)?)?;
    if !no_zeroes {
        read::<ZEROES>(stream)?;
    }
    Ok(Export { size, flags, block_size: None })
}

fn send_option(stream: &mut impl Write, option: u32, data: &[u8]) -> Result<(), NegotiationError> {
    let mut bytes = OPTION_MAGIC.to_be_bytes().to_vec();
    bytes.extend(option.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(data);
    Ok(stream.write_all(&bytes)?)
}

/// One reply to `option`: its kind and its data.
fn reply(stream: &mut impl Read, option: u32) -> Result<(u32, Vec<u8>), NegotiationError> {
    if u64::from_be_bytes(read(stream)?) != REPLY_MAGIC {
        return Err(NegotiationError::Malformed("a reply does not begin with its magic number"));
    }
    if u32::from_be_bytes(read(stream)?) != option {
        return Err(NegotiationError::Malformed("a reply is to an option that was not sent"));
    }
    let kind = u32::from_be_bytes(read(stream)?);
    let length = u32::from_be_bytes(read(stream)?);
    if length > MAX_REPLY {
        return Err(NegotiationError::Malformed("a reply is longer than any string of the protocol"));
    }
    let mut data = vec![0; length as usize];
    stream.read_exact(&mut data)?;
    Ok((kind, data))
}

fn size_and_flags(bytes: &[u8]) -> Result<(u64, u16), NegotiationError> {
    match (bytes.first_chunk(), bytes.get(8..).and_then(<[u8]>::first_chunk)) {
        (Some(size), Some(flags)) => Ok((u64::from_be_bytes(*size), u16::from_be_bytes(*flags))),
        _ => Err(NegotiationError::Malformed("the description of the export is cut short")),
    }
}

/// The first of three sizes: smallest, preferred, largest.
fn smallest_block(bytes: &[u8]) -> Result<u32, NegotiationError> {
    let smallest = bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    smallest
        .filter(|size| size.is_power_of_two() && bytes.len() == 12)
        .ok_or(NegotiationError::Malformed("its block size is no power of two"))
}

fn read<const N: usize>(stream: &mut impl Read) -> Result<[u8; N], NegotiationError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn reason(kind: u32) -> &'static str {
    match kind & !REP_ERROR {
        2 => "its policy forbids it",
        3 => "it takes the request for malformed",
        4 => "its platform cannot do it",
        5 => "it wants TLS, which is not supported",
        6 => "it has no default export",
        7 => "it is shutting down",
        8 => "it wants its block size to be honoured",
        9 => "the request is too big for it",
        _ => "it does not say why",
    }
}

/// A server's text as it may stand on a console.
fn shown(data: &[u8]) -> String {
    String::from_utf8_lossy(data).chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

fn text(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server that says what it says, whatever it hears.
    struct Script<'a> {
        says: &'a [u8],
        heard: Vec<u8>,
    }

    impl Read for Script<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What comes of a server that says `parts`, and what it heard.
    fn with(parts: &[&[u8]]) -> (Result<Export, String>, Vec<u8>) {
        let says = parts.concat();
        let mut script = Script { says: &says, heard: Vec::new() };
        let export = negotiate(&mut script).map_err(|error| error.to_string());
        (export, script.heard)
    }

    fn hello(flags: u16) -> Vec<u8> {
        [&MAGIC.to_be_bytes()[..], &OPTION_MAGIC.to_be_bytes(), &flags.to_be_bytes()].concat()
    }

    fn reply_to_go(kind: u32, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap();
        let words = [OPT_GO, kind, length].map(u32::to_be_bytes).concat();
        [&REPLY_MAGIC.to_be_bytes()[..], &words, data].concat()
    }

    /// `NBD_INFO_EXPORT` of 1 MiB.
    const SIZE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 1];

    #[test]
    fn go_gives_size_flags_and_block_size() {
        let blocks = [&[0, 3][..], &512_u32.to_be_bytes(), &4096_u32.to_be_bytes(), &[1, 0, 0, 0]].concat();
        let (export, heard) = with(&[
            &hello(3),
            &reply_to_go(REP_INFO, &SIZE),
            &reply_to_go(REP_INFO, &blocks),
            &reply_to_go(REP_INFO, &[0, 1, b'x']),
            &reply_to_go(REP_ACK, &[]),
        ]);
        assert_eq!(export, Ok(Export { size: 1 << 20, flags: 0x101, block_size: Some(512) }));
        assert_eq!(heard, b"\0\0\0\x03IHAVEOPT\0\0\0\x07\0\0\0\x08\0\0\0\0\0\x01\0\x03");
    }

    #[test]
    fn servers_without_go_are_asked_the_old_way() {
        let old_answer = [&SIZE[2..], &[0; ZEROES]].concat();
        let unknown = reply_to_go(REP_ERR_UNSUP, b"what?");
        for (flags, parts) in [(0, &[][..]), (1, &unknown[..])] {
            let (export, heard) = with(&[&hello(flags), parts, &old_answer]);
            assert_eq!(export, Ok(Export { size: 1 << 20, flags: 0x101, block_size: None }));
            assert!(heard.ends_with(b"IHAVEOPT\0\0\0\x01\0\0\0\0"));
        }
        assert!(with(&[&hello(3), &unknown, &SIZE[2..]]).0.is_ok(), "zeroes were given up");
    }

    #[test]
    fn refusals_say_why() {
        let refused = |parts: &[&[u8]]| with(parts).0.unwrap_err();
        let unknown = reply_to_go(REP_ERROR | 6, b"no\x1b[2J such\nexport");
        assert_eq!(
            refused(&[&hello(3), &unknown]),
            "the server refuses the default export: it has no default export (no[2J suchexport)"
        );
        assert!(refused(&[&hello(3), &reply_to_go(REP_ERROR | 5, b"")]).contains("TLS"));
        assert!(refused(&[&hello(0)]).contains("closes the connection"));
        assert!(refused(&[b"SSH-2.0-OpenSSH_9.2"]).contains("no NBD server"));
        let oldstyle = [MAGIC.to_be_bytes(), OLDSTYLE_MAGIC.to_be_bytes()].concat();
        assert!(refused(&[&oldstyle]).contains("oldstyle"));
    }

    #[test]
    fn malformed_answers_are_refused() {
        let long = [&REPLY_MAGIC.to_be_bytes()[..], &[0, 0, 0, 7, 0, 0, 0, 3, 255, 255, 255, 255]].concat();
        let endless = reply_to_go(REP_INFO, &[0, 9]).repeat(MAX_REPLIES + 1);
        let bad_blocks = [&[0, 3][..], &[0, 0, 2, 1], &[0; 8]].concat();
        for (parts, complaint) in [
            (&long[..], "longer"),
            (&endless, "without end"),
            (&reply_to_go(REP_ACK, &[]), "how large"),
            (&reply_to_go(REP_INFO, &SIZE[..11]), "cut short"),
            (&reply_to_go(REP_INFO, &bad_blocks), "power of two"),
            (&reply_to_go(2, &[]), "not asked for"),
            (&[0; 20], "magic"),
        ] {
            let error = with(&[&hello(3), parts]).0.unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_server_comes_to_an_end(flags in 0_u16..8, says: Vec<u8>, replies: Vec<(u32, Vec<u8>)>) {
            let _ = with(&[&says]);
            let replies: Vec<u8> = replies.iter().flat_map(|(kind, data)| reply_to_go(*kind, data)).collect();
            let _ = with(&[&hello(flags), &replies, &says]);
        }
    }
}
