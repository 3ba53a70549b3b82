//! How layers are packed, and unpacking as they arrive (OCI image-spec, layer.md; RFC 1952, RFC 8878).

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Largest window of a zstd frame. RFC 8878 §3.1.1.1.2 asks for 8 MiB at least; what needs more than this needs
/// `zstd --ultra -21`, and is not for small machines.
pub(crate) const MAX_ZSTD_WINDOW: u64 = 32 << 20;

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// A plain tar archive.
    None,
    /// RFC 1952, one member or more.
    Gzip,
    /// RFC 8878, one frame or more, skippable ones too (zstd:chunked has them).
    Zstd,
}

impl Compression {
    /// What the media type of a layer says; `None` if it is not the type of a layer that can be unpacked.
    pub fn from_media_type(media_type: &str) -> Option<Compression> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar" => Some(Compression::None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Some(Compression::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// What the first bytes of the content say.
    fn from_magic(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A frame, or a skippable one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Compression::None => "not compressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// The longest of the magic numbers, in bytes.
const MAGIC: usize = 4;

/// Unpacks what is read through it, to the end of the packed stream.
///
/// # Errors
/// `packed` cannot be read, or is packed in another way than its media type `said`: whoever checked it by its type checked something else.
pub fn decompress<R: BufRead>(packed: R, said: Compression) -> io::Result<impl Read> {
    Decompressor::new(packed, said)
}

enum Decompressor<R: BufRead> {
    Plain(Packed<R>),
    Gzip(Box<MultiGzDecoder<Packed<R>>>),
    Zstd(Box<Zstd<Packed<R>>>),
}

/// The first bytes, which were read to see what they are, and the rest.
type Packed<R> = io::Chain<io::Take<io::Cursor<[u8; MAGIC]>>, R>;

impl<R: BufRead> Decompressor<R> {
    fn new(mut packed: R, said: Compression) -> io::Result<Decompressor<R>> {
        // One read may give one byte.
        let mut start = [0; MAGIC];
        let length = read_all(&mut packed, &mut start)?;
        let head = &start[..length];
        let found = Compression::from_magic(head);
        if found != said && !head.is_empty() {
            let message =
                format!("the media type says that the layer is {}, but it is {}", said.name(), found.name());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let packed = io::Cursor::new(start).take(length as u64).chain(packed);
        Ok(match said {
            Compression::None => Decompressor::Plain(packed),
            Compression::Gzip => Decompressor::Gzip(Box::new(MultiGzDecoder::new(packed))),
            Compression::Zstd => Decompressor::Zstd(Box::new(Zstd::new(packed))),
        })
    }
}

/// Fills `buf`, but for what lies behind the end. Returns how much there was.
fn read_all(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buf.len() {
        match reader.read(&mut buf[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(length)
}

impl<R: BufRead> Read for Decompressor<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Decompressor::Plain(r) => r.read(buf),
            Decompressor::Gzip(r) => r.read(buf),
            Decompressor::Zstd(r) => r.read(buf),
        }
    }
}

/// A stream of zstd frames; ruzstd's own reader stops after the first.
struct Zstd<R> {
    packed: R,
    frame: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Zstd<R> {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MAX_ZSTD_WINDOW);
        Zstd { packed, frame, in_frame: false }
    }

    /// Begins the next frame; `false` at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => skip(&mut self.packed, u64::from(length))?,
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.in_frame {
                while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                    self.frame
                        .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(io::Error::other)?;
                }
                let count = self.frame.read(buf)?;
                if count > 0 || buf.is_empty() {
                    return Ok(count);
                }
            }
            self.in_frame = self.next_frame()?;
            if !self.in_frame {
                return Ok(0);
            }
        }
    }
}

fn skip(from: &mut impl Read, length: u64) -> io::Result<()> {
    if io::copy(&mut from.take(length), &mut io::sink())? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::{BufReader, Write as _};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn unpack(packed: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Decompressor::new(BufReader::with_capacity(7, packed), compression)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(unpack(&members, Compression::Gzip).unwrap(), b"one two");
        let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"xyz".as_slice()].concat();
        let frames = [skippable.clone(), zstd(b"one "), skippable.clone(), zstd(b"two"), skippable].concat();
        assert_eq!(unpack(&frames, Compression::Zstd).unwrap(), b"one two");
    }

    #[test]
    fn the_media_type_is_held_to() {
        let message = unpack(&gzip(b"x"), Compression::Zstd).err().unwrap().to_string();
        assert!(message.contains("says that the layer is zstd, but it is gzip"), "{message}");
        assert!(unpack(&zstd(b"x"), Compression::None).is_err());
        assert!(unpack(b"plain", Compression::Gzip).is_err());
    }

    #[test]
    fn a_stream_that_is_cut_is_no_shorter_stream() {
        for (packed, compression) in
            [(gzip(&[7; 5000]), Compression::Gzip), (zstd(&[7; 5000]), Compression::Zstd)]
        {
            for end in 4..packed.len() {
                assert!(unpack(&packed[..end], compression).is_err(), "{compression:?} cut at {end}");
            }
        }
    }

    /// A frame that declares a window of 1 GiB.
    #[test]
    fn a_huge_window_is_refused() {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00];
        let message = unpack(&frame, Compression::Zstd).err().unwrap().to_string();
        assert!(message.to_lowercase().contains("window"), "{message}");
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(bytes: Vec<u8>) {
            prop_assert_eq!(&unpack(&gzip(&bytes), Compression::Gzip).unwrap(), &bytes);
            prop_assert_eq!(&unpack(&zstd(&bytes), Compression::Zstd).unwrap(), &bytes);
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes: Vec<u8>) {
            let _ = unpack(&[&[0x28, 0xb5, 0x2f, 0xfd], bytes.as_slice()].concat(), Compression::Zstd);
            let _ = unpack(&[&[0x1f, 0x8b], bytes.as_slice()].concat(), Compression::Gzip);
        }
    }
}
