//! Pulls an image into a store, as the machine does at boot: `pull STORE IMAGE [--tls-verify=false]`. The benchmark measures this.

use image::{Platform, Policy, PullOptions, Reference, Store, pull};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

struct Console;

impl log::Log for Console {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info && metadata.target().starts_with("image")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            println!("{}", record.args());
        }
    }

    fn flush(&self) {}
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    log::set_logger(&Console)?;
    log::set_max_level(log::LevelFilter::Info);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (tls_verify, arguments) = match arguments.as_slice() {
        [arguments @ .., flag] if flag == "--tls-verify=false" => (false, arguments),
        arguments => (true, arguments),
    };
    let [store, reference] = arguments else {
        return Err("usage: pull STORE IMAGE [--tls-verify=false]".into());
    };
    let store = Store::open(Path::new(store))?;
    let client = net::http::Client::new(net::http::Config::default());
    let options = PullOptions {
        policy: Policy::Always,
        tls_verify,
        platform: Platform::host(),
        credentials: None,
        keyrings: Vec::new(),
        mirrors: Vec::new(),
    };
    let image = pull(&store, &client, &Reference::parse(reference)?, &options)?;
    println!("{}", image.digest);
    for layer in image.layers {
        println!("{}", layer.display());
    }
    Ok(())
}
