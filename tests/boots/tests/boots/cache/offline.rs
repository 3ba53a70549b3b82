//! A machine whose registry or network is down runs what its cache holds.

use super::disks::Disk;
use crate::support::HTTP;
use harness::{Boot, Fault, Faults, Image, Network, Registry};

/// A cache that holds an image, and the front of its registry.
struct Warm {
    disk: Disk,
    front: Faults,
    words: String,
    digest: String,
}

impl Warm {
    fn new(name: &str) -> Warm {
        let pushed = Image::busybox().push(Registry::shared(), name);
        let front = Faults::before(Registry::shared());
        let line = format!("{HTTP} {}/{name} echo from the cache", front.guest_address());
        let run = b2c::vm::option("b2c.run", &line);
        let warm = Warm {
            disk: Disk::empty("1G"),
            front,
            words: format!("b2c.cache_device=/dev/vda {run}"),
            digest: pushed.digest,
        };
        warm.boot().run().expect_line("from the cache").expect_status(0);
        warm
    }

    fn boot(&self) -> Boot {
        Boot::new(&self.words).qemu(self.disk.arguments())
    }

    /// That boot runs the image, and says why it asked nobody.
    #[track_caller]
    fn expect_run(&self, boot: Boot, reason: &str) {
        let outcome = boot.run();
        outcome.expect(&format!("is taken from the store, as {}: ", self.digest)).expect(reason);
        outcome.expect_line("from the cache").expect_status(0);
    }
}

#[test]
fn without_a_network_card() {
    let warm = Warm::new("no-card:latest");
    warm.expect_run(warm.boot().no_network(), "has no address on any network");
}

#[test]
fn without_a_lease() {
    let warm = Warm::new("no-lease:latest");
    warm.expect_run(warm.boot().network(Network::Silent), "has no address on any network");
}

#[test]
fn without_the_registry() {
    let warm = Warm::new("no-registry:latest");
    warm.front.down();
    warm.expect_run(warm.boot(), "is it up");
}

#[test]
fn a_registry_that_says_no_is_obeyed() {
    let warm = Warm::new("no-more:latest");
    let expect_refused = |status: u16| {
        let outcome = warm.boot().run();
        outcome.expect(&status.to_string()).expect_no("from the cache\r\n").expect_status(1);
    };
    warm.front.times(1, "/manifests/", Fault::Status(404, None));
    expect_refused(404);
    warm.front.always("/manifests/", Fault::Status(401, None));
    expect_refused(401);
}
