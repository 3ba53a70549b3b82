//! Makes a folder and a prefix of a bucket equal, as the machine does:
//! `mirror push|pull [--overwrite] [--remove] [--preserve] [--exclude GLOB]... URL ACCESS SECRET BUCKET[/PREFIX] FOLDER`.
//! The benchmark measures this.

use mirror::{Mirror, Progress, Rules};
use std::error::Error;
use std::fs::File;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

const USAGE: &str = "usage: mirror push|pull [--overwrite] [--remove] [--preserve] [--exclude GLOB]... URL ACCESS SECRET BUCKET[/PREFIX] FOLDER";

struct Console;

impl log::Log for Console {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
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
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    log::set_logger(&Console)?;
    log::set_max_level(log::LevelFilter::Info);
    let mut arguments = std::env::args().skip(1);
    let direction = arguments.next().ok_or(USAGE)?;
    let (rules, rest) = read(arguments)?;
    let [url, access_key, secret_key, place, folder] = rest.as_slice() else { return Err(USAGE.into()) };
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let endpoint = s3::Endpoint {
        url: url.clone(),
        access_key: access_key.clone(),
        secret_key: secret_key.clone(),
        session_token: String::new(),
    };
    let client = net::http::Client::new(net::http::Config::default());
    let bucket = s3::Bucket::new(&client, &endpoint, name, None)?;
    let mirror = Mirror::new(File::open(folder)?.into(), bucket, prefix, rules);
    let progress = Progress::default();
    let result = match direction.as_str() {
        "push" => mirror.push(&progress),
        "pull" => mirror.pull(&progress),
        _ => return Err(USAGE.into()),
    };
    let [files, bytes, removed, equal] =
        [&progress.files, &progress.bytes, &progress.removed, &progress.equal]
            .map(|count| count.load(Ordering::Relaxed));
    println!("{files} files, {bytes} bytes, {removed} removed, {equal} equal");
    Ok(result?)
}

fn read(arguments: impl Iterator<Item = String>) -> Result<(Rules, Vec<String>), Box<dyn Error>> {
    let (mut rules, mut rest) = (Rules::default(), Vec::new());
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--overwrite" => rules.overwrite = true,
            "--remove" => rules.remove = true,
            "--preserve" => rules.preserve = true,
            "--exclude" => rules.exclude.push(arguments.next().ok_or(USAGE)?),
            _ => rest.push(argument),
        }
    }
    Ok((rules, rest))
}
