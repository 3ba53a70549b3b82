//! What every boot needs: an image in a registry, and its name as the machine sees it.

use harness::{Boot, Image, Outcome, Registry};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::thread;

/// Flags that let a container run from the tests' plain http registry.
pub const HTTP: &str = "--tls-verify=false";

/// busybox in the shared registry.
pub fn busybox() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| push(&Image::busybox(), "busybox:latest"))
}

/// Pushes an image to the shared registry; gives its name for the machine.
pub fn push(image: &Image, name: &str) -> String {
    image.push(Registry::shared(), name);
    format!("{}/{name}", Registry::shared().guest_address())
}

/// `b2c.run="FLAGS busybox COMMAND"`
pub fn run(flags: &str, command: &str) -> String {
    option("b2c.run", flags, command)
}

/// `OPTION="FLAGS busybox COMMAND"`
pub fn option(name: &str, flags: &str, command: &str) -> String {
    b2c::vm::option(name, &format!("{HTTP} {flags} {} {command}", busybox()))
}

/// Boots with a pipeline of one busybox step.
pub fn boot(flags: &str, command: &str) -> Boot {
    Boot::new(&run(flags, command))
}

/// Serves one text to whoever asks, from a loopback port; gives its URL for the machine.
pub fn serve(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://10.0.2.2:{}/b2c-extra-args", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 2048];
            let _ = stream.read(&mut request);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).unwrap();
        }
    });
    url
}

/// The secret is nowhere on the console but where the kernel itself prints its command line.
#[track_caller]
pub fn expect_hidden(outcome: &Outcome, secret: &str) {
    let is_ours = |line: &&String| line.contains(secret) && !line.contains("ommand line: ");
    assert_eq!(outcome.lines.iter().find(is_ours), None);
}
