//! Reading ahead in a thread of its own, so that fetching and inflating a layer and writing its files overlap. Most images have one
//! layer that is larger than all the others, and one thread for it would leave the other processors idle.

use crate::registry::THREAD_STACK;
use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};

/// Bytes that are handed over at once.
const BUFFER: usize = 128 << 10;
/// One that is filled, one that is used, and one in between.
const BUFFERS: usize = 3;

/// Gives `consume` what `reader` gives, read ahead by a few buffers. Fails only if there is no thread to be had.
pub(crate) fn read_ahead<T>(reader: impl Read + Send, consume: impl FnOnce(Ahead) -> T) -> io::Result<T> {
    let (fill, filled) = mpsc::sync_channel(BUFFERS);
    let (empty, emptied) = mpsc::sync_channel(BUFFERS);
    for _ in 0..BUFFERS {
        // There is room for all of them, and the other end is here.
        let _ = empty.send(Vec::with_capacity(BUFFER));
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(THREAD_STACK)
            .spawn_scoped(scope, move || produce(reader, &emptied, &fill))?;
        Ok(consume(Ahead { filled, empty, current: Vec::new(), position: 0 }))
    })
}

/// Ends at the reader's end or first error, and when nobody wants any more.
fn produce(mut reader: impl Read, emptied: &Receiver<Vec<u8>>, fill: &SyncSender<io::Result<Vec<u8>>>) {
    for mut buffer in emptied {
        buffer.clear();
        let read = (&mut reader).take(BUFFER as u64).read_to_end(&mut buffer);
        let last = !matches!(read, Ok(1..));
        let sent = match read {
            Ok(0) => Ok(()),
            Ok(_) => fill.send(Ok(buffer)),
            Err(e) => fill.send(Err(e)),
        };
        if last || sent.is_err() {
            return;
        }
    }
}

/// The other end.
pub(crate) struct Ahead {
    filled: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.position == self.current.len() {
            // A closed channel is the end.
            let Ok(next) = self.filled.recv() else { return Ok(0) };
            let used = std::mem::replace(&mut self.current, next?);
            self.position = 0;
            if used.capacity() > 0 {
                // Not wanted any more once all was read.
                let _ = self.empty.send(used);
            }
        }
        let count = (&self.current[self.position..]).read(buf)?;
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_comes_after_what_precedes_it() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("reason"))
            }
        }
        let whole = vec![7; BUFFER];
        let mut read = Vec::new();
        let result =
            read_ahead(whole.as_slice().chain(Fails), |mut ahead| ahead.read_to_end(&mut read)).unwrap();
        assert_eq!((result.unwrap_err().to_string(), read), ("reason".into(), whole));
    }

    #[test]
    fn who_has_enough_need_not_read_to_the_end() {
        let count = read_ahead(io::repeat(1), |mut ahead| ahead.read(&mut [0; 10]).unwrap()).unwrap();
        assert_eq!(count, 10);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn all_bytes_arrive_in_order(length in 0usize..3 * BUFFER + 2, piece in 1usize..200_000) {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            let mut read = Vec::new();
            read_ahead(bytes.as_slice(), |ahead| {
                io::BufReader::with_capacity(piece, ahead).read_to_end(&mut read)
            }).unwrap().unwrap();
            prop_assert_eq!(read, bytes);
        }
    }
}
