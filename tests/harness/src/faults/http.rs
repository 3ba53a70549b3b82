//! As much of HTTP/1.1 (RFC 9112) as a front needs that closes every connection after one response.

use std::io::{self, BufRead, Read};

/// A request's or a response's start line and fields.
#[derive(Clone, Debug)]
pub struct Head {
    /// Without the line end.
    pub start: String,
    /// Names as they came.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads one, with the empty line that ends it.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let start = line(stream)?;
        let mut fields = Vec::new();
        loop {
            let field = line(stream)?;
            match field.split_once(':') {
                Some((name, value)) => fields.push((name.to_owned(), value.trim().to_owned())),
                None => return Ok(Self { start, fields }),
            }
        }
    }

    /// The value of the first field of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// Replaces all fields of that name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.fields.push((name.into(), value.into()));
    }

    /// Removes all fields of that name.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(it, _)| !it.eq_ignore_ascii_case(name));
    }

    /// The word of the start line at that index.
    pub fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// As it travels, with the empty line.
    pub fn text(&self) -> String {
        let fields = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}\r\n", self.start, fields.collect::<String>())
    }
}

/// One line without its end. The limit is for clients that send something else than HTTP.
fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.take(64 * 1024).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
