//! Words → options: the kernel command line, and the extra arguments that the machine holds or that they point to.

mod fetch;
mod local;

pub use fetch::{fetch, fetch_once};

use super::secrets::Blot;
use crate::console::{CONSOLE, Fold};
use crate::modprobe;
use crate::pipeline::lines;
use crate::report;
use modules::Modules;
use net::http::{self, Client, Request};
use options::{Diagnostic, Fatal, Options, Severity};

/// The texts that were read, and what they mean together.
pub struct CommandLine {
    /// What the texts ask for.
    pub options: Options,
    /// The kernel's command line first.
    texts: Vec<Text>,
    /// How many of them the machine itself holds. They come first.
    local: usize,
    /// Extra arguments that are there, but cannot be read.
    unread: bool,
    /// Why no step may run, if something is not understood.
    pub refused: Option<Fatal>,
    /// The kernel's command line without its secrets, if it holds any.
    pub masked: Option<String>,
    /// What the firmware shows of secrets.
    pub blots: Vec<Blot>,
    /// Lines that were printed: reading the texts again with more of them must not say things twice.
    reported: Vec<String>,
}

/// Something that options are read from.
struct Text {
    /// What to call it.
    name: String,
    text: String,
    /// The kernel shows it in sysfs.
    firmware: bool,
}

/// Longer extra arguments are a mistake (a web page, an image).
const MAX_EXTRA_ARGS: u64 = 1 << 20;
/// How the original begins the warnings that users know.
const OLD_WARNING: &str = "B2C_WARNING: ";

impl CommandLine {
    /// Reads the kernel's command line and the extra arguments that the machine itself holds, and says what is wrong with them.
    pub fn read(modules: Option<&Modules>) -> Self {
        let text =
            std::fs::read("/proc/cmdline").map_err(|error| CONSOLE.error(&format!("/proc/cmdline: {error}")));
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).trim_end_matches('\n').to_owned();
        let mut texts = vec![Text { name: "the kernel command line".to_owned(), text, firmware: false }];
        let mut unread = false;
        for found in local::texts(modules) {
            match found {
                Ok(text) => texts.push(text),
                Err(reason) => {
                    CONSOLE.error(&format!("The extra arguments cannot be read: {reason}"));
                    unread = true;
                }
            }
        }
        let mut command_line = CommandLine {
            options: Options::default(),
            local: texts.len(),
            texts,
            unread,
            refused: None,
            masked: None,
            blots: Vec::new(),
            reported: Vec::new(),
        };
        command_line.say_where_from();
        command_line.parse();
        command_line
    }

    /// Fetches the extra arguments, if there are any, and reads everything again with them.
    ///
    /// A failure is fatal, as it is if those of the machine itself could not be read: what is missing may be anything. (Divergence: the original printed no status then.)
    pub fn fetch_extra_args(&mut self, client: &Client) -> Result<(), String> {
        if self.unread {
            return Err(
                "No step is run, because there are extra arguments that cannot be read: see the error above"
                    .to_owned(),
            );
        }
        let Some(url) = self.options.extra_args_url.clone() else { return Ok(()) };
        CONSOLE.section("parse_extra_cmdline", "Fetching the extra arguments", Fold::Collapsed);
        let fetched = fetch(client, &Request::get(url.as_str()), MAX_EXTRA_ARGS);
        let text =
            fetched.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned()));
        let text = text.map_err(|reason| format!("b2c.extra_args_url={}: {reason}", http::shown(&url)))?;
        self.texts.push(Text { name: "b2c.extra_args_url".to_owned(), text, firmware: false });
        self.parse();
        Ok(())
    }

    /// Nobody should have to guess why a machine does what is not on its command line.
    fn say_where_from(&self) {
        for text in &self.texts[1..] {
            CONSOLE.line(&format!("Reading extra arguments from {}", text.name));
        }
    }

    fn parse(&mut self) {
        let texts: Vec<&str> = self.texts.iter().map(|text| text.text.as_str()).collect();
        let parsed = options::parse_texts(&texts, self.local);
        let has_secrets = parsed.secrets.iter().any(|(text, _)| *text == 0);
        self.masked = texts.first().filter(|_| has_secrets).map(|text| parsed.masked(0, text));
        report::options(texts.iter().enumerate().map(|(index, text)| parsed.masked(index, text)));
        let blot = |(index, text): (usize, &Text)| {
            let spans = parsed.secrets.iter().filter(|(of, _)| *of == index).map(|(_, span)| span.clone());
            text.firmware.then(|| Blot::new(&text.text, spans)).flatten()
        };
        self.blots = self.texts.iter().enumerate().filter_map(blot).collect();
        for diagnostic in &parsed.diagnostics {
            self.report(diagnostic.severity, self.placed(diagnostic));
        }
        self.refused = parsed.fatal;
        for bad in lines::check(&parsed.options) {
            self.report(Severity::Error, bad.to_string());
            self.refused.get_or_insert(Fatal::ContainerLine(bad.text));
        }
        self.options = parsed.options;
        if self.texts.len() > 1 {
            modprobe::remember(&self.options.module_params);
        }
    }

    /// What is said, and where in the extra arguments that is.
    fn placed(&self, diagnostic: &Diagnostic) -> String {
        match self.texts.get(diagnostic.text) {
            Some(Text { name, text, .. }) if diagnostic.text > 0 => {
                let before = text.get(..diagnostic.span.start).unwrap_or_default();
                format!("{diagnostic} ({name}, line {})", before.matches('\n').count() + 1)
            }
            _ => diagnostic.to_string(),
        }
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
