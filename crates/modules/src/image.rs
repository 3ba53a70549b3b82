//! A module file's bytes as the kernel wants them: plain, or unpacked from what kernel packages compress modules with.

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
};

/// Largest module, unpacked. The largest of a distribution's (amdgpu with debug information) is a tenth of it.
const MAX_SIZE: u64 = 256 << 20;

/// xz names the memory that unpacking takes; kernel packages use 1 to 64 MiB.
const MAX_XZ_MEMORY_KIB: u32 = 128 << 10;

/// How a module file is packed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Xz,
    Zstd,
}

impl Packing {
    /// Looks at the file's start and goes back there.
    pub(crate) fn of(file: &mut File) -> io::Result<Self> {
        let mut magic = Vec::with_capacity(6);
        file.take(6).read_to_end(&mut magic)?;
        file.rewind()?;
        Ok(match magic.as_slice() {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        })
    }
}

/// Reads and unpacks the whole module.
pub(crate) fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let packing = Packing::of(file)?;
    let size = file.metadata()?.len();
    let mut input = BufReader::with_capacity(64 << 10, file);
    match packing {
        Packing::Plain => read_bounded(input, size),
        Packing::Gzip => read_bounded(MultiGzDecoder::new(input), size.saturating_mul(3)),
        // Behind a pointer: one decoder of each kind is enough for all who unpack something.
        Packing::Xz => {
            let packed: &mut dyn Read = &mut input;
            read_bounded(XzReader::new_mem_limit(packed, true, MAX_XZ_MEMORY_KIB), size.saturating_mul(4))
        }
        Packing::Zstd => {
            let packed: &mut dyn Read = &mut input;
            let decoder = StreamingDecoder::new(packed).map_err(io::Error::other)?;
            read_bounded(decoder, size.saturating_mul(4))
        }
    }
}

/// `guess` is only what is set aside at first.
fn read_bounded(input: impl Read, guess: u64) -> io::Result<Vec<u8>> {
    let guess = usize::try_from(guess.min(32 << 20)).unwrap_or_default();
    let mut image = Vec::with_capacity(guess);
    let read = input.take(MAX_SIZE + 1).read_to_end(&mut image)?;
    if read as u64 > MAX_SIZE {
        return Err(io::Error::other(format!("it is larger than {} MiB when unpacked", MAX_SIZE >> 20)));
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use lzma_rust2::{XzOptions, XzWriter};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn xz(bytes: &[u8], dictionary: u32) -> Vec<u8> {
        let mut options = XzOptions::with_preset(1);
        options.lzma_options.dict_size = dictionary;
        let mut packer = XzWriter::new(Vec::new(), options).unwrap();
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn every_packing_gives_the_same_bytes() {
        let module: Vec<u8> = (0..300_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let packed = [
            (Packing::Plain, module.clone()),
            (Packing::Gzip, gzip(&module)),
            (Packing::Xz, xz(&module, 1 << 20)),
            (Packing::Zstd, compress_to_vec(module.as_slice(), CompressionLevel::Fastest)),
        ];
        for (packing, bytes) in packed {
            assert_eq!(Packing::of(&mut file(&bytes)).unwrap(), packing);
            // As little stack as the threads have that load drivers.
            let unpack = move || read(&mut file(&bytes)).unwrap();
            let thread =
                std::thread::Builder::new().stack_size(crate::hardware::STACK).spawn(unpack).unwrap();
            assert!(thread.join().unwrap() == module, "{packing:?}");
        }
    }

    #[test]
    fn empty_and_torn_files_are_no_panic() {
        assert!(read(&mut file(b"")).unwrap().is_empty());
        for bytes in [
            gzip(&[7; 9999]),
            xz(&[7; 9999], 1 << 20),
            compress_to_vec([7; 9999].as_slice(), CompressionLevel::Fastest),
        ] {
            assert!(read(&mut file(&bytes[..bytes.len() / 2])).is_err());
        }
    }

    #[test]
    fn a_bomb_ends_at_the_bound() {
        let bomb = gzip(&vec![0; 257 << 20]);
        let error = read(&mut file(&bomb)).unwrap_err().to_string();
        assert!(error.contains("larger than 256 MiB"), "{error}");
    }
}
