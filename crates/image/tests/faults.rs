//! Registries and networks that fail: what is survived, and what the error says where it is not. Needs root.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod support;

use harness::{Compression, Fault, Faults, Image as Source, Layer, Pushed, Registry, Tokens};
use image::Credentials;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::{Machine, front, noise, read, replace_in_head, small};

/// A front before the shared registry, and an image of one large layer behind it.
fn large(name: &str, compression: Compression) -> (Faults, Pushed, String) {
    let layer = Layer::new().file("noise", 0o644, noise(1_000_000, 7)).file("file", 0o644, "end");
    let pushed = Source::new().layer(layer.compression(compression)).push(Registry::shared(), name);
    let front = Faults::before(Registry::shared());
    let name = format!("{}/{name}", front.address());
    (front, pushed, name)
}

/// Ranges that were asked for, and the statuses of the answers.
fn ranges(front: &Faults, layer: &str) -> Vec<(Option<String>, u16)> {
    let requests = front.requests().into_iter().filter(|request| request.path.contains(layer));
    requests.map(|request| (request.range, request.status)).collect()
}

#[test]
fn a_cut_connection_is_resumed_at_the_same_byte() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let name = format!("cut-{compression:?}").to_lowercase();
        let (front, pushed, name) = large(&name, compression);
        front.times(1, &pushed.layers[0], Fault::CutAfter(300_000));
        front.times(1, &pushed.layers[0], Fault::CutAfter(0));
        front.times(1, &pushed.layers[0], Fault::CutAfter(200_000));
        let machine = Machine::new();
        let image = machine.pull(&name).unwrap();
        assert_eq!(read(&image, "file"), "end");
        assert_eq!(std::fs::read(image.layers[0].join("noise")).unwrap(), noise(1_000_000, 7));
        let range = |from: &str| (Some(format!("bytes={from}-")), 206);
        let expected = [(None, 200), range("300000"), range("300000"), range("500000")];
        assert_eq!(ranges(&front, &pushed.layers[0]), expected, "{compression:?}");
    }
}

#[test]
fn a_cut_in_the_first_bytes_hides_no_compression() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let name = format!("cut-early-{compression:?}").to_lowercase();
        let (front, pushed, name) = large(&name, compression);
        for _ in 0..3 {
            front.times(1, &pushed.layers[0], Fault::CutAfter(1));
        }
        assert_eq!(read(&Machine::new().pull(&name).unwrap(), "file"), "end", "{compression:?}");
        assert_eq!(ranges(&front, &pushed.layers[0]).len(), 4, "{compression:?}");
    }
}

#[test]
fn a_server_without_ranges_is_read_again_from_the_start() {
    let (front, pushed, name) = large("no-ranges", Compression::Gzip);
    front.times(1, &pushed.layers[0], Fault::CutAfter(600_000));
    front.times(1, &pushed.layers[0], Fault::IgnoreRange);
    let machine = Machine::new();
    let image = machine.pull(&name).unwrap();
    assert_eq!(read(&image, "file"), "end");
    assert_eq!(ranges(&front, &pushed.layers[0])[1], (Some("bytes=600000-".into()), 200));
}

#[test]
fn a_corrupted_blob_is_fetched_again() {
    for offset in [12, 500_000] {
        let (front, pushed, name) = large("corrupt", Compression::Gzip);
        front.times(1, &pushed.layers[0], Fault::Corrupt(offset));
        assert_eq!(read(&Machine::new().pull(&name).unwrap(), "file"), "end");
    }
}

#[test]
fn a_blob_that_stays_corrupted_is_refused() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let name = format!("corrupted-{compression:?}").to_lowercase();
        let (front, pushed, name) = large(&name, compression);
        front.always(&pushed.layers[0], Fault::Corrupt(500_000));
        let machine = Machine::new();
        let message = machine.refused(&name);
        assert!(
            message.contains(&pushed.layers[0]) && message.contains("has the digest sha256:"),
            "{message}"
        );
        assert_eq!((machine.layers(), ranges(&front, &pushed.layers[0]).len()), (0, 2));
    }
}

#[test]
fn a_corrupted_configuration_is_told_from_a_wrong_one() {
    let pushed = small("x").push(Registry::shared(), "config");
    let faults = Faults::before(Registry::shared());
    faults.always("/blobs/", Fault::Corrupt(20));
    let message = Machine::new().refused(&format!("{}/config", faults.address()));
    assert!(message.contains("configuration sha256:") && message.contains("has the digest"), "{message}");
    let message = Machine::new().refused(&format!(
        "{}/config@{}",
        front(|_, mut answer| {
            *answer.last_mut().unwrap() ^= 1;
            answer
        }),
        pushed.digest
    ));
    assert!(message.contains("has the digest") && message.contains(&pushed.digest), "{message}");
}

#[test]
fn a_busy_registry_is_asked_again() {
    let (front, pushed, name) = large("busy", Compression::Gzip);
    front.times(2, "/manifests/", Fault::Status(429, Some(0)));
    front.times(1, "/manifests/", Fault::Status(503, None));
    front.times(2, "/blobs/", Fault::Status(503, Some(1)));
    front.times(1, &pushed.layers[0], Fault::Status(500, None));
    assert_eq!(read(&Machine::new().pull(&name).unwrap(), "file"), "end");
}

#[test]
fn a_registry_that_stays_busy_is_given_up() {
    let (front, _, name) = large("too-busy", Compression::Gzip);
    front.always("/manifests/", Fault::Status(429, Some(100_000)));
    let message = Machine::new().refused(&name);
    assert!(message.contains(&front.address()) && message.contains("429"), "{message}");
}

#[test]
fn a_registry_that_says_at_once_forever_is_not_asked_in_a_circle() {
    let (front, _, name) = large("at-once", Compression::Gzip);
    front.always("/manifests/", Fault::Status(503, Some(0)));
    let message = Machine::new().refused(&name);
    assert!(message.contains("503"), "{message}");
    // 3 s of patience, with pauses that grow from 20 to 200 ms.
    let asked = front.requests().len();
    assert!((5..100).contains(&asked), "{asked} requests");
}

#[test]
fn what_is_not_behind_a_redirect_either_is_not_there() {
    let (faults, _, name) = large("moved", Compression::Gzip);
    let elsewhere = Faults::before(Registry::shared());
    elsewhere.always("/manifests/", Fault::Status(404, None));
    let there = format!("http://{}/v2/moved/manifests/latest", elsewhere.address());
    faults.always("/manifests/", Fault::Redirect(there));
    let message = Machine::new().refused(&name);
    assert!(message.contains("does not have") && message.contains("moved:latest"), "{message}");
    assert_eq!(elsewhere.requests().len(), 1);
}

#[test]
fn a_registry_that_comes_up_late_is_waited_for() {
    let (front, _, name) = large("late", Compression::Gzip);
    front.down();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(700));
            front.up();
        });
        assert_eq!(read(&Machine::new().pull(&name).unwrap(), "file"), "end");
    });
}

#[test]
fn a_registry_that_vanishes_is_given_up_in_one_line() {
    let (front, pushed, name) = large("vanishes", Compression::Gzip);
    front.always(&pushed.layers[0], Fault::CutAfter(0));
    let message = Machine::new().refused(&name);
    assert!(message.contains("gave nothing for") && message.contains(&front.address()), "{message}");
}

#[test]
fn one_failed_layer_ends_the_others() {
    let front = Faults::before(Registry::shared());
    let layer = |number| Layer::new().file("file", 0o644, noise(100_000, number));
    let source = (1..4).fold(Source::new(), |source, number| source.layer(layer(number)));
    let pushed = source.push(Registry::shared(), "one-fails");
    // For far longer than the test may take.
    front.always(&pushed.layers[0], Fault::Trickle);
    front.always(&pushed.layers[1], Fault::Status(403, None));
    let machine = Machine::new();
    let message = machine.refused(&format!("{}/one-fails", front.address()));
    assert!(message.contains("403"), "{message}");
}

#[test]
fn an_expired_link_is_asked_for_again() {
    let (faults, pushed, name) = large("expired", Compression::Gzip);
    let storage = Faults::before(Registry::shared());
    let path = format!("/v2/expired/blobs/{}", pushed.layers[0]);
    let link = |query: &str| format!("http://{}{path}?{query}", storage.address());
    storage.always("expired-link", Fault::Status(403, None));
    storage.times(1, "good-link", Fault::CutAfter(400_000));
    faults.times(1, &path, Fault::Redirect(link("expired-link")));
    faults.times(1, &path, Fault::Redirect(link("good-link")));
    faults.times(1, &path, Fault::Redirect(link("expired-link")));
    faults.times(1, &path, Fault::Redirect(link("other-link")));
    assert_eq!(read(&Machine::new().pull(&name).unwrap(), "file"), "end");
    let asked: Vec<_> = storage.requests().into_iter().map(|r| (r.range, r.status)).collect();
    let range = Some("bytes=400000-".to_owned());
    assert_eq!(asked, [(None, 403), (None, 200), (range.clone(), 403), (range, 206)]);
}

/// CVE-2022-27774 of curl, CVE-2020-15157 of containerd.
#[test]
fn tokens_are_not_shown_to_storage_servers() {
    let (faults, pushed, name) = large("leak", Compression::Gzip);
    faults.demand_tokens(Tokens { user: Some(("u".into(), "p".into())), ..Tokens::default() });
    let storage = Faults::before(Registry::shared());
    let path = format!("/v2/leak/blobs/{}", pushed.layers[0]);
    faults.always(&path, Fault::Redirect(format!("http://{}{path}", storage.address())));
    let mut machine = Machine::new();
    machine.options.credentials = Some(Credentials { user: "u".into(), password: "p".into() });
    machine.pull(&name).unwrap();
    assert_eq!(storage.requests().len(), 1);
    assert_eq!(storage.requests()[0].authorization, None);
}

#[test]
fn a_wrong_content_range_is_refused() {
    let (_, pushed, _) = large("range", Compression::Gzip);
    let (layer, count) = (pushed.layers[0].clone(), AtomicU32::new(0));
    let address = front(move |head, mut answer| {
        if !head.contains(&layer) {
            return answer;
        }
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            answer.truncate(500_000);
            return answer;
        }
        replace_in_head(&answer, "Content-Range: bytes ", "Content-Range: bytes 1")
    });
    let message = Machine::new().refused(&format!("{address}/range"));
    assert!(message.contains("Content-Range is \"bytes 1"), "{message}");
}

#[test]
fn a_wrong_content_length_is_refused() {
    let (_, pushed, _) = large("length", Compression::Gzip);
    let layer = pushed.layers[0].clone();
    let address = front(move |head, answer| match head.contains(&layer) {
        true => replace_in_head(&answer, "Content-Length: 1", "Content-Length: 9"),
        false => answer,
    });
    let message = Machine::new().refused(&format!("{address}/length"));
    assert!(message.contains("but the manifest says 1"), "{message}");
}

#[test]
fn what_is_no_registry_is_told() {
    let address = front(|_, _| {
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>".to_vec()
    });
    let message = Machine::new().refused(&format!("{address}/x"));
    assert!(message.contains("text/html"), "{message}");
    let address = front(|_, _| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    let message = Machine::new().refused(&format!("{address}/x"));
    assert!(message.contains("neither https") && message.contains(&address), "{message}");
}

/// A server of plain http that waits for the end of a line, at the sight of TLS, for ever.
#[test]
fn a_server_that_is_silent_to_tls_is_tried_with_http() {
    small("silent").push(Registry::shared(), "silent");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behind = front(|_, answer| answer);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for client in listener.incoming().map_while(Result::ok) {
            let mut first = [0];
            client.peek(&mut first).unwrap();
            if first == [0x16] {
                held.push(client);
                continue;
            }
            let server = std::net::TcpStream::connect(&behind).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut from, mut to) = (server, client);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    assert_eq!(read(&Machine::new().pull(&format!("{address}/silent")).unwrap(), "file"), "silent");
}
