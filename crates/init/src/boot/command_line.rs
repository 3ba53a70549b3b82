//! Words → options: the kernel command line, and the extra arguments that it points to.

use crate::console::{CONSOLE, Fold};
use crate::pipeline::lines;
use crate::report;
use net::http::{self, Client, InTime, Request};
use options::{Fatal, Options, Severity};
use std::io::Read;
use std::time::Duration;

/// The texts that were read, and what they mean together.
pub struct CommandLine {
    /// What the texts ask for.
    pub options: Options,
    texts: Vec<String>,
    /// Why no step may run, if something is not understood.
    pub refused: Option<Fatal>,
    /// The kernel's command line without its secrets, if it holds any.
    pub masked: Option<String>,
    /// Lines that were printed: reading the texts again with more of them must not say things twice.
    reported: Vec<String>,
}

/// Longer extra arguments are a mistake (a web page, an image).
const MAX_EXTRA_ARGS: u64 = 1 << 20;
/// How the original begins the warnings that users know.
const OLD_WARNING: &str = "B2C_WARNING: ";
/// Pauses between the tries to fetch them, in seconds.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 0];

impl CommandLine {
    /// Reads the kernel's command line, and says what is wrong with it.
    pub fn read() -> Self {
        let text =
            std::fs::read("/proc/cmdline").map_err(|error| CONSOLE.error(&format!("/proc/cmdline: {error}")));
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).trim_end_matches('\n').to_owned();
        let mut command_line = CommandLine {
            options: Options::default(),
            texts: vec![text],
            refused: None,
            masked: None,
            reported: Vec::new(),
        };
        command_line.parse();
        command_line
    }

    /// Fetches the extra arguments, if there are any, and reads everything again with them.
    ///
    /// A failure is fatal: what is missing may be anything. (Divergence: the original printed no status then.)
    pub fn fetch_extra_args(&mut self, client: &Client) -> Result<(), String> {
        let Some(url) = self.options.extra_args_url.clone() else { return Ok(()) };
        CONSOLE.section("parse_extra_cmdline", "Fetching the extra arguments", Fold::Collapsed);
        let text = fetch(client, &url)
            .map_err(|reason| format!("b2c.extra_args_url={}: {reason}", http::shown(&url)))?;
        self.texts.push(text);
        self.parse();
        Ok(())
    }

    fn parse(&mut self) {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let parsed = options::parse(&texts);
        let has_secrets = parsed.secrets.iter().any(|(text, _)| *text == 0);
        self.masked = texts.first().filter(|_| has_secrets).map(|text| parsed.masked(0, text));
        report::options(texts.iter().enumerate().map(|(index, text)| parsed.masked(index, text)));
        for diagnostic in &parsed.diagnostics {
            self.report(diagnostic.severity, diagnostic.to_string());
        }
        for line in options::not_supported_yet(&parsed.options) {
            self.report(Severity::Error, line);
        }
        self.refused = parsed.fatal;
        for bad in lines::check(&parsed.options) {
            self.report(Severity::Error, bad.to_string());
            self.refused.get_or_insert(Fatal::ContainerLine(bad.text));
        }
        self.options = parsed.options;
    }

    fn report(&mut self, severity: Severity, line: String) {
        if self.reported.contains(&line) {
            return;
        }
        match severity {
            Severity::Error => CONSOLE.error(&line),
            Severity::Warning if line.starts_with(OLD_WARNING) => CONSOLE.line(&line),
            Severity::Warning => CONSOLE.line(&format!("WARNING: {line}")),
        }
        self.reported.push(line);
    }
}

/// Fetches a text; a server that is not there yet is given some time.
fn fetch(client: &Client, url: &str) -> Result<String, String> {
    let mut failure = String::new();
    for pause in PAUSES {
        match fetch_once(client, url) {
            Ok(text) => return Ok(text),
            Err((reason, false)) => return Err(reason),
            Err((reason, true)) => failure = reason,
        }
        if pause > 0 {
            CONSOLE.line(&format!("{failure}; trying again in {pause} s"));
            std::thread::sleep(Duration::from_secs(pause));
        }
    }
    Err(failure)
}

/// The text, or the reason and whether another try can help.
fn fetch_once(client: &Client, url: &str) -> Result<String, (String, bool)> {
    let response =
        client.send(&Request::get(url)).map_err(|error| (error.to_string(), error.is_transient()))?;
    if response.status != 200 {
        return Err((
            format!("the server answers with status {}", response.status),
            matches!(response.status, 408 | 429 | 500..),
        ));
    }
    let mut bytes = Vec::new();
    let read = InTime::new(response.into_reader()).take(MAX_EXTRA_ARGS + 1).read_to_end(&mut bytes);
    read.map_err(|error| (error.to_string(), true))?;
    if bytes.len() as u64 > MAX_EXTRA_ARGS {
        return Err((format!("longer than {MAX_EXTRA_ARGS} bytes"), false));
    }
    String::from_utf8(bytes).map_err(|_| ("not UTF-8 text".to_owned(), false))
}
