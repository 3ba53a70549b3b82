//! What a drive keeps, and what it has been told and not yet written down.

use fastrand::Rng;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// What a drive writes as a whole or not at all.
const SECTOR: u64 = 512;

/// An image file, and the writes that only the drive's memory has.
#[derive(Debug)]
pub struct Medium {
    image: File,
    /// In the order in which they came.
    waiting: Vec<Write>,
}

/// A range of bytes and what is in it from now on.
#[derive(Debug)]
struct Write {
    range: Range<u64>,
    /// As long as the range; `None` is zeros.
    bytes: Option<Vec<u8>>,
    /// Also in the file already; it waits because older writes to the same place do.
    written: bool,
}

/// What became of the writes that waited when the power was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Writes that were written down whole.
    pub kept: usize,
    /// Writes of which a part was written down.
    pub torn: usize,
    /// Writes that are gone.
    pub lost: usize,
}

impl Medium {
    /// What is in the file has been written down.
    pub fn new(image: File) -> Self {
        Self { image, waiting: Vec::new() }
    }

    /// What was written last there.
    pub fn read(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; index(range.end - range.start)];
        self.image.read_exact_at(&mut bytes, range.start)?;
        for write in &self.waiting {
            let both = write.range.start.max(range.start)..write.range.end.min(range.end);
            if both.is_empty() {
                continue;
            }
            let target = &mut bytes[index(both.start - range.start)..index(both.end - range.start)];
            match write.bytes_of(&both) {
                Some(source) => target.copy_from_slice(source),
                None => target.fill(0),
            }
        }
        Ok(bytes)
    }

    /// Takes bytes into the drive's memory.
    pub fn write(&mut self, start: u64, bytes: Vec<u8>) {
        let range = start..start + bytes.len() as u64;
        self.waiting.push(Write { range, bytes: Some(bytes), written: false });
    }

    /// The same for zeros.
    pub fn zero(&mut self, range: Range<u64>) {
        self.waiting.push(Write { range, bytes: None, written: false });
    }

    /// Writes down what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        self.waiting.drain(..).try_for_each(|write| write.apply(&self.image, &write.range))
    }

    /// Writes down the newest write alone.
    pub fn flush_newest(&mut self) -> io::Result<()> {
        let Some(write) = self.waiting.last_mut() else { return Ok(()) };
        write.written = true;
        write.apply(&self.image, &write.range)
    }

    /// The power is cut: of the writes that wait, some are written down, some in part, the rest is gone.
    ///
    /// Which, the random numbers say; and how many, from none to all. A drive writes in any order, but of two writes to the same
    /// sector the older one never comes after the newer.
    pub fn cut(&mut self, random: &mut Rng) -> io::Result<Losses> {
        let chance = random.f64();
        let mut losses = Losses::default();
        for write in self.waiting.drain(..) {
            if write.written {
                write.apply(&self.image, &write.range)?;
            } else if random.f64() >= chance {
                losses.lost += 1;
            } else if random.u8(..4) > 0 {
                losses.kept += 1;
                write.apply(&self.image, &write.range)?;
            } else {
                losses.torn += 1;
                write.apply(&self.image, &write.some_sectors(random))?;
            }
        }
        Ok(losses)
    }
}

impl Write {
    /// The bytes of a part of it.
    fn bytes_of(&self, part: &Range<u64>) -> Option<&[u8]> {
        let bytes = self.bytes.as_ref()?;
        Some(&bytes[index(part.start - self.range.start)..index(part.end - self.range.start)])
    }

    /// A run of its sectors: its start, its end, something between, or nothing.
    fn some_sectors(&self, random: &mut Rng) -> Range<u64> {
        let sectors = (self.range.end - self.range.start) / SECTOR;
        let (one, other) = (random.u64(..=sectors), random.u64(..=sectors));
        self.range.start + one.min(other) * SECTOR..self.range.start + one.max(other) * SECTOR
    }

    fn apply(&self, image: &File, part: &Range<u64>) -> io::Result<()> {
        if part.is_empty() {
            return Ok(());
        }
        match self.bytes_of(part) {
            Some(bytes) => image.write_all_at(bytes, part.start),
            None => {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                Ok(fallocate(image, hole, part.start, part.end - part.start)?)
            }
        }
    }
}

/// A length of what is in memory as an index.
fn index(length: u64) -> usize {
    usize::try_from(length).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use proptest::prelude::*;

    const SECTORS: u64 = 8;

    /// What a computer tells a drive; every write has a byte of its own.
    #[derive(Clone, Debug)]
    enum Order {
        Write(Range<u64>),
        Zero(Range<u64>),
        WriteThrough(Range<u64>),
        Flush,
    }

    fn orders() -> impl Strategy<Value = Vec<Order>> {
        let sectors = || (0..SECTORS, 1..=SECTORS).prop_map(|(at, count)| at..(at + count).min(SECTORS));
        let order = prop_oneof![
            4 => sectors().prop_map(Order::Write),
            1 => sectors().prop_map(Order::Zero),
            1 => sectors().prop_map(Order::WriteThrough),
            1 => Just(Order::Flush),
        ];
        prop::collection::vec(order, 0..30)
    }

    /// A medium that got these orders; for each sector what it may hold after a cut, the newest last.
    fn obey(orders: &[Order]) -> (Medium, Vec<Vec<u8>>) {
        let image = tempfile::tempfile().unwrap();
        image.set_len(SECTORS * SECTOR).unwrap();
        let mut medium = Medium::new(image);
        let mut possible = vec![vec![0]; index(SECTORS)];
        for (order, number) in orders.iter().zip(1_u8..) {
            let bytes = |sectors: &Range<u64>| vec![number; index((sectors.end - sectors.start) * SECTOR)];
            match order {
                Order::Write(sectors) => {
                    medium.write(sectors.start * SECTOR, bytes(sectors));
                    sectors.clone().for_each(|sector| possible[index(sector)].push(number));
                }
                Order::Zero(sectors) => {
                    medium.zero(sectors.start * SECTOR..sectors.end * SECTOR);
                    sectors.clone().for_each(|sector| possible[index(sector)].push(0));
                }
                Order::WriteThrough(sectors) => {
                    medium.write(sectors.start * SECTOR, bytes(sectors));
                    medium.flush_newest().unwrap();
                    sectors.clone().for_each(|sector| possible[index(sector)] = vec![number]);
                }
                Order::Flush => {
                    medium.flush().unwrap();
                    possible.iter_mut().for_each(|values| drop(values.drain(..values.len() - 1)));
                }
            }
        }
        (medium, possible)
    }

    fn sectors(medium: &Medium) -> Vec<u8> {
        let bytes = medium.read(&(0..SECTORS * SECTOR)).unwrap();
        let sectors = bytes.chunks(index(SECTOR));
        sectors
            .map(|sector| {
                sector
                    .iter()
                    .fold(sector[0], |all, byte| if all == *byte { all } else { panic!("a torn sector") })
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_written_last_is_read(orders in orders()) {
            let (medium, possible) = obey(&orders);
            let newest: Vec<_> = possible.iter().map(|values| *values.last().unwrap()).collect();
            prop_assert_eq!(sectors(&medium), newest);
        }

        #[test]
        fn a_cut_never_undoes_a_flush_and_never_invents(orders in orders(), seed: u64) {
            let (mut medium, possible) = obey(&orders);
            medium.cut(&mut Rng::with_seed(seed)).unwrap();
            for (value, possible) in sectors(&medium).iter().zip(&possible) {
                prop_assert!(possible.contains(value), "{} is none of {:?}", value, possible);
            }
        }

        #[test]
        fn the_same_seed_is_the_same_cut(orders in orders(), seed: u64) {
            let cut = || {
                let (mut medium, _) = obey(&orders);
                let losses = medium.cut(&mut Rng::with_seed(seed)).unwrap();
                (losses, sectors(&medium))
            };
            prop_assert_eq!(cut(), cut());
        }
    }

    #[test]
    fn some_cuts_keep_lose_and_tear_what_was_not_flushed() {
        let mut total = Losses::default();
        for seed in 0..50 {
            let (mut medium, _) = obey(&[Order::Flush, Order::Write(0..8), Order::Write(2..6)]);
            let losses = medium.cut(&mut Rng::with_seed(seed)).unwrap();
            total.kept += losses.kept;
            total.torn += losses.torn;
            total.lost += losses.lost;
        }
        assert!(total.kept > 10 && total.torn > 10 && total.lost > 10, "{total:?}");
    }
}
