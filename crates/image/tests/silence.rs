//! Images that the store has, while their registry gives no answer, or one that nobody hoped for. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Authority, Fault, Faults, Registry, RegistryOptions};
use support::{LIMITS, Machine, read, small};

/// A machine that has pulled `content` under that name, and the front of its registry.
fn warm(name: &str, content: &str) -> (Machine, Faults, String) {
    small(content).push(Registry::shared(), name);
    let front = Faults::before(Registry::shared());
    let reference = format!("{}/{name}", front.address());
    let machine = Machine::new();
    machine.pull(&reference).unwrap();
    (machine, front, reference)
}

#[test]
fn what_the_store_has_will_do_while_the_registry_is_down() {
    let (machine, front, name) = warm("down", "kept");
    small("new").push(Registry::shared(), "down");
    front.down();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "kept");
    front.up();
    assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new");
}

#[test]
fn what_the_store_has_will_do_while_the_registry_is_busy() {
    for status in [429, 500, 502, 503] {
        let (machine, front, name) = warm(&format!("busy-{status}"), "kept");
        front.always("/manifests/", Fault::Status(status, None));
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "kept", "{status}");
    }
}

#[test]
fn what_is_not_in_the_store_is_still_missing() {
    let front = Faults::before(Registry::shared());
    front.down();
    assert!(Machine::new().refused(&format!("{}/nowhere", front.address())).contains("is it up"));
}

#[test]
fn a_machine_without_any_network_does_not_try() {
    let message = std::thread::spawn(|| {
        // SAFETY: no memory, no file descriptor is unshared, only this thread's network.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.unwrap();
        Machine::new().refused("192.0.2.1:5000/nowhere")
    });
    let message = message.join().unwrap();
    assert!(message.contains("this machine has no address on any network"), "{message}");
}

#[test]
fn an_answer_counts_even_if_it_is_no() {
    for status in [401, 403, 404] {
        let (machine, front, name) = warm(&format!("no-{status}"), "kept");
        front.always("/manifests/", Fault::Status(status, None));
        let message = machine.refused(&name);
        assert!(message.contains(&status.to_string()), "{message}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_an_answer() {
    let authority = Authority::new();
    let tls = Some(authority.sign(&["127.0.0.1"]));
    let registry = Registry::start_with(&RegistryOptions { tls, ..RegistryOptions::default() });
    small("kept").push(&registry, "certificate");
    let name = format!("{}/certificate", registry.address());
    let mut machine = Machine::new();
    machine.pull(&name).unwrap();
    machine.options.tls_verify = true;
    assert!(machine.refused(&name).contains("certificate"));
}

#[test]
fn a_registry_that_is_restarted_is_waited_for() {
    let (machine, front, name) = warm("restarted", "old");
    small("new").push(Registry::shared(), "restarted");
    front.down();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(LIMITS.question / 3);
            front.up();
        });
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "new");
    });
}

#[test]
fn a_registry_that_was_silent_is_not_waited_for_again() {
    let (machine, front, name) = warm("silent-again", "kept");
    front.always("/manifests/", Fault::Status(503, None));
    let asked = || {
        let before = front.requests().len();
        assert_eq!(read(&machine.pull(&name).unwrap(), "file"), "kept");
        front.requests().len() - before
    };
    assert!(asked() > 1);
    assert_eq!(asked(), 1);
}

/// It is known that what the store has is old by then.
#[test]
fn a_registry_that_vanishes_while_a_new_image_is_fetched_is_a_failure() {
    let (machine, front, name) = warm("vanishes-new", "old");
    small("new").push(Registry::shared(), "vanishes-new");
    front.always("/blobs/", Fault::CutAfter(0));
    assert!(machine.refused(&name).contains("gave nothing for"));
}
