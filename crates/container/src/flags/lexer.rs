//! Words → flags, by the rules of spf13/pflag, with which podman is built: `--flag value`, `--flag=value`, `-fvalue`, `-f value`, `-f=value`;
//! `-it` is `-i -t`; a switch takes no value unless it is joined by `=`; `--` or the first word that is no flag ends them.

use super::error::{FlagError, Reason, Why};
use super::request::RunRequest;
use super::table::{Action, Flag, Value, closest, flags};
use std::collections::BTreeMap;

/// Long names of the flags that were given, with the word each was last given in.
pub(super) type Given = BTreeMap<&'static str, usize>;

/// Fills `request` from `words` and says which flags there were.
pub(super) fn read_flags(words: &[String], request: &mut RunRequest) -> Result<Given, FlagError> {
    let mut reader = Reader { words, at: 0, given: Given::new(), request };
    while let Some(word) = words.get(reader.at) {
        match word.strip_prefix('-') {
            // A lone dash is an argument.
            None | Some("") => break,
            Some("-") => {
                reader.at += 1;
                break;
            }
            Some(rest) => match rest.strip_prefix('-') {
                Some(long) => reader.long(word, long)?,
                None => reader.cluster(rest)?,
            },
        }
        reader.at += 1;
    }
    let Reader { at, given, .. } = reader;
    let (image, command) = match words.get(at..) {
        Some([image, command @ ..]) if !image.is_empty() => (image, command),
        _ => return Err(FlagError { word: at.min(words.len()), reason: Reason::NoImage }),
    };
    request.image.clone_from(image);
    request.command = command.to_vec();
    Ok(given)
}

struct Reader<'a> {
    words: &'a [String],
    /// The word that is being read.
    at: usize,
    given: Given,
    request: &'a mut RunRequest,
}

impl Reader<'_> {
    /// `--name`, `--name=value`, `--name value`.
    fn long(&mut self, word: &str, rest: &str) -> Result<(), FlagError> {
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (rest, None),
        };
        let Some(flag) = flags().find(|flag| flag.long == name || flag.aliases.contains(&name)) else {
            let flag = word.split('=').next().unwrap_or(word).to_owned();
            return Err(self.error(Reason::Unknown { flag, closest: closest(name) }));
        };
        self.give(flag, value)
    }

    /// `-i`, `-it`, `-eKEY=VALUE`, `-it=false`: letters up to the first that takes a value, which is the rest.
    fn cluster(&mut self, letters: &str) -> Result<(), FlagError> {
        let mut rest = letters.chars();
        loop {
            // With one dash too few, this is `-c` with a value that it cannot take: the message would repeat the secret.
            if rest.as_str().starts_with("creds") {
                return Err(self.error(Reason::Unknown { flag: "-creds".to_owned(), closest: Some("creds") }));
            }
            let Some(letter) = rest.next() else { return Ok(()) };
            let Some(flag) = flags().find(|flag| flag.short == Some(letter)) else {
                return Err(self.error(Reason::Unknown { flag: format!("-{letter}"), closest: None }));
            };
            let joined = rest.as_str();
            match (joined.strip_prefix('='), flag.value) {
                (Some(value), _) if !value.is_empty() => return self.give(flag, Some(value)),
                (_, Value::Switch) => self.give(flag, None)?,
                (_, _) if joined.is_empty() => return self.give(flag, None),
                (_, _) => return self.give(flag, Some(joined)),
            }
        }
    }

    /// Applies one flag; takes its value from the next word when it needs one and has none.
    fn give(&mut self, flag: &'static Flag, joined: Option<&str>) -> Result<(), FlagError> {
        self.given.insert(flag.long, self.at);
        // Refused before its value is looked at: the name is what the user has to know.
        if let Action::Refused(why) = flag.action {
            return Err(self.error(Reason::Refused { flag: flag.long, why }));
        }
        let value = match (flag.value, joined) {
            (Value::Switch, joined) => joined.unwrap_or("true"),
            (_, Some(value)) => value,
            (Value::One(placeholder) | Value::List(placeholder) | Value::Each(placeholder), None) => {
                let Some(next) = self.words.get(self.at + 1) else {
                    return Err(self.error(Reason::MissingValue { flag: flag.long, placeholder }));
                };
                self.at += 1;
                next
            }
        };
        self.apply(flag, value)
            .map_err(|why| self.error(Reason::BadValue { flag: flag.long, value: flag.shown(value), why }))
    }

    fn apply(&mut self, flag: &Flag, value: &str) -> Result<(), Why> {
        match (flag.action, flag.value) {
            (Action::Switch(set), _) => set(self.request, parse_bool(value)?),
            (Action::Value(_), Value::List(_)) if value.is_empty() => {}
            (Action::Value(set), Value::List(_)) => {
                value.split(',').try_for_each(|item| set(self.request, item))?;
            }
            (Action::Value(set), _) => set(self.request, value)?,
            (Action::Ignored(_), Value::Switch) => _ = parse_bool(value)?,
            (Action::Ignored(_) | Action::Refused(_), _) => {}
        }
        Ok(())
    }

    fn error(&self, reason: Reason) -> FlagError {
        FlagError { word: self.at, reason }
    }
}

/// Go's strconv.ParseBool.
fn parse_bool(text: &str) -> Result<bool, Why> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false".into()),
    }
}
