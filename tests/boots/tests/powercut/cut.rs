//! One scenario: what a machine is doing when its power is cut, and what the next boot has to find.

use crate::seeds;
use fastrand::Rng;
use harness::{Boot, Drive, WriteCache};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What makes a machine use its drive.
pub const CACHE: &str = "b2c.cache_device=auto";

/// The size of the drives in bytes.
const SIZE: u64 = 1 << 30;

/// The only partition of a cache drive starts here.
const PARTITION: u64 = 1 << 20;

/// How long a machine may take. Computers that test are busy.
pub const PATIENCE: Duration = Duration::from_secs(400);

/// Of how many scenarios each seed picks one.
pub const SCENARIOS: u64 = 8;

/// What is done to a machine, and who judges what is left.
pub struct Scenario {
    pub name: &'static str,
    /// Which seeds are its: those that leave this remainder when divided by the number of scenarios.
    pub number: u64,
    /// What the machine finds on its drive.
    pub drive: Drive,
    /// Its command line.
    pub words: String,
    /// The power is cut between these two texts on the console; "" is the machine's start, or its end.
    pub window: [&'static str; 2],
    /// What the boot after the cut is to show, now that this was on the console before.
    pub judge: Box<dyn Fn(&str) -> Judge>,
}

/// A boot that shows whether everything survived.
#[derive(Clone)]
pub struct Judge {
    /// Its command line.
    pub words: String,
    /// What a container prints if it misses nothing.
    pub line: String,
}

impl Scenario {
    /// Cuts the power with every seed that is this scenario's.
    ///
    /// # Panics
    /// When all are done, if a judge complained.
    pub fn run(&self) {
        let seeds: Vec<_> = seeds::wanted().filter(|seed| seed % SCENARIOS == self.number).collect();
        if seeds.is_empty() {
            return;
        }
        let window = self.window();
        let failed = seeds.into_iter().filter(|seed| !self.survives(*seed, &window));
        let failed: Vec<_> = failed.map(|seed| format!("make powercut CUTS=1 SEED={seed}")).collect();
        assert!(
            failed.is_empty(),
            "{}: not everything survived; to repeat it:\n{}",
            self.name,
            failed.join("\n")
        );
    }

    /// Between which requests to the drive the power is to be cut, by a boot without a cut.
    fn window(&self) -> Range<u64> {
        let drive = self.drive.copy(WriteCache::Writeback);
        let mut vm = machine(&self.words, &drive).spawn();
        let mut requests_at = |text: &str| {
            if !text.is_empty() {
                vm.wait_for(text, PATIENCE);
            }
            drive.requests()
        };
        let start = requests_at(self.window[0]);
        let end = match self.window[1] {
            "" => {
                vm.finish().expect_status(0);
                drive.requests()
            }
            text => requests_at(text),
        };
        assert!(start < end, "{}: nothing is written in the window, {start}..{end}", self.name);
        start..end
    }

    /// Whether the judge is content with what a cut of that seed leaves. If not, it says why.
    fn survives(&self, seed: u64, window: &Range<u64>) -> bool {
        let mut random = Rng::with_seed(seed);
        let cache = if random.u8(..4) == 0 { WriteCache::None } else { WriteCache::Writeback };
        println!("{}: seed {seed}, write cache {cache:?}", self.name);
        let drive = self.drive.copy(cache);
        let mut console = self.cut(&drive, random.u64(window.clone()) + 1, &mut random);
        if random.u8(..3) == 0 {
            // The next boot, which recovers from the first cut, is cut too.
            console += &self.cut(&drive, random.u64(..window.end) + 1, &mut random);
        }
        let content = catch_unwind(AssertUnwindSafe(|| self.judge(&console, &drive))).is_ok();
        if !content {
            let evidence = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("powercut-{seed}.img"));
            drive.save(&evidence);
            println!(
                "{} {seed} failed; the drive after the cut: {}; the console before it:\n{console}",
                self.name,
                evidence.display()
            );
        }
        content
    }

    /// Boots, and cuts the power at that request; gives the console until then.
    fn cut(&self, drive: &Drive, request: u64, random: &mut Rng) -> String {
        let seed = random.u64(..);
        drive.cut_at(request, seed);
        let outcome = machine(&self.words, drive).spawn().finish();
        // A boot that asks less of its drive than the one that was counted is over by then; then the cut comes after its end.
        let losses = drive.losses().unwrap_or_else(|| drive.cut(seed));
        println!("{}: cut at request {request}: {losses:?}", self.name);
        outcome.console
    }

    fn judge(&self, before: &str, drive: &Drive) {
        let judge = (self.judge)(before);
        let drive = drive.copy(WriteCache::Writeback);
        let after = machine(&judge.words, &drive).run();
        after.expect_line(&judge.line).expect_status(0);
        after.expect("Mounting the partition").expect_no("ERROR: ").expect_no("EXT4-fs error");
        check_file_system(&drive.image());
    }
}

/// A machine with that drive as its only disk.
pub fn machine(words: &str, drive: &Drive) -> Boot {
    Boot::new(words).drive(drive).timeout(PATIENCE)
}

/// A drive that was never used.
pub fn empty() -> Drive {
    Drive::new(SIZE, WriteCache::Writeback)
}

/// A drive that a boot with those words has used as its cache.
pub fn after(words: &str) -> Drive {
    let drive = empty();
    // By its name, because no other is waited for then.
    machine(&format!("b2c.cache_device=/dev/vda {words}"), &drive).run().expect_status(0);
    drive
}

/// e2fsck finds nothing wrong on the partition, when the machine has unmounted it.
fn check_file_system(image: &Path) {
    let device = format!("{}?offset={PARTITION}", image.display());
    let output = Command::new("e2fsck").args(["-f", "-n", &device]).output().unwrap();
    assert!(output.status.success(), "e2fsck: {}", String::from_utf8_lossy(&output.stdout));
}
