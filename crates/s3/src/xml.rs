//! As much of XML 1.0 as the answers of S3 are made of: elements, text, character references. What else XML has is refused, above all
//! document types and with them entities of one's own (the "billion laughs").

/// S3's own documents have four levels.
const MAX_DEPTH: usize = 8;

/// Calls `seen` with the names of an element, from the outermost to its own, and with its text, whenever one ends. Blanks count as text
/// only where an element holds no other elements. Says what is wrong in words of its own: nothing of the document is in it.
pub fn read<'a>(
    document: &'a [u8],
    mut seen: impl FnMut(&[&'a str], &str) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let text = std::str::from_utf8(document).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader { rest: text.trim_start(), open: Vec::new(), text: String::new() };
    if reader.rest.starts_with("<?xml ") {
        reader.rest = reader.rest.split_once("?>").ok_or("its declaration does not end")?.1;
    }
    loop {
        reader.take_text()?;
        if reader.rest.is_empty() {
            return if reader.open.is_empty() { Err("it holds no element") } else { Err("it is cut off") };
        }
        reader.take_tag(&mut seen)?;
        if reader.open.is_empty() {
            let rest = reader.rest.trim_start();
            return if rest.is_empty() { Ok(()) } else { Err("something follows its last element") };
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    /// Of the innermost element, since the last tag.
    text: String,
}

impl<'a> Reader<'a> {
    /// Up to the next tag.
    fn take_text(&mut self) -> Result<(), &'static str> {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (mut raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        if self.open.is_empty() && !raw.trim().is_empty() {
            return Err("it is no XML");
        }
        self.text.clear();
        while let Some((before, reference)) = raw.split_once('&') {
            let (name, after) = reference.split_once(';').ok_or("a reference does not end")?;
            self.text.push_str(before);
            self.text.push(character(name).ok_or("it has an unknown reference")?);
            raw = after;
        }
        self.text.push_str(raw);
        Ok(())
    }

    fn take_tag(
        &mut self,
        seen: &mut impl FnMut(&[&'a str], &str) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let inner = &self.rest[1..];
        if let Some(inner) = inner.strip_prefix('/') {
            let (name, rest) = inner.split_once('>').ok_or("a tag does not end")?;
            self.rest = rest;
            return self.end(name.trim_end(), seen);
        }
        let end = tag_end(inner).ok_or("a tag does not end")?;
        self.rest = &inner[end + 1..];
        let (tag, is_empty) = match inner[..end].strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (&inner[..end], false),
        };
        // Attributes (`xmlns="…"`) say nothing that is needed.
        let name = tag.split_ascii_whitespace().next().filter(|name| tag.starts_with(name));
        self.open.push(name.filter(|name| is_name(name)).ok_or("it has a tag without a proper name")?);
        if self.open.len() > MAX_DEPTH {
            return Err("its elements are nested too deeply");
        }
        if is_empty {
            self.text.clear();
            return self.end(name.unwrap_or_default(), seen);
        }
        Ok(())
    }

    fn end(
        &mut self,
        name: &str,
        seen: &mut impl FnMut(&[&'a str], &str) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        if self.open.last() != Some(&name) {
            return Err("its tags do not match");
        }
        seen(&self.open, &self.text)?;
        self.open.pop();
        self.text.clear();
        Ok(())
    }
}

/// Where the `>` is that ends a tag: values of attributes may hold one.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.bytes().position(|byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None if matches!(byte, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        None => byte == b'>',
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
}

/// What a reference stands for (XML 1.0 §4.1 and §4.6).
fn character(name: &str) -> Option<char> {
    let number = |digits: &str, radix| {
        let right = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        right.then(|| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)).flatten()
    };
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#')?.strip_prefix('x') {
            Some(digits) => number(digits, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
}

/// Text as it may stand in an element; `None`: XML 1.0 §2.2 has no way to write one of its characters.
pub(crate) fn escape(text: &str) -> Option<String> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Would be read as a line feed or a blank.
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => return None,
            c => escaped.push(c),
        }
    }
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All elements, as `a/b=text`.
    fn elements(document: &str) -> Result<Vec<String>, &'static str> {
        let mut found = Vec::new();
        read(document.as_bytes(), |names, text| {
            found.push(format!("{}={text}", names.join("/")));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn documents_are_read() {
        let document = "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns=\"x>y\">\n <b>1 &lt;&amp;&#x41;&#66; </b><c/><d e='/'>\n</d>\n</a>\n";
        assert_eq!(elements(document).unwrap(), ["a/b=1 <&AB ", "a/c=", "a/d=\n", "a=\n"]);
    }

    #[test]
    fn what_is_no_answer_of_s3_is_refused() {
        for bad in [
            "",
            "x",
            "<",
            "<a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a></a>x",
            "<a></a><b/>",
            "<a><b></a></b>",
            "<a>&x;</a>",
            "<a>&#0x;</a>",
            "<a>&#+65;</a>",
            "<a>&#xD800;</a>",
            "<a>&lt</a>",
            "< a></ a>",
            "<1/>",
            "<!DOCTYPE a><a/>",
            "<a><!-- --></a>",
            "<a><![CDATA[x]]></a>",
            "<?xml version='1.0'",
            "<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>",
            "<html><body>It works!<br></body></html>",
        ] {
            assert!(elements(bad).is_err(), "{bad:?}");
        }
        assert!(read(b"<a>\xff</a>", |_, _| Ok(())).is_err());
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read(text: String) {
            if let Some(escaped) = escape(&text) {
                prop_assert_eq!(elements(&format!("<a>{escaped}</a>")), Ok(vec![format!("a={text}")]));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes, |_, _| Ok(()));
        }
    }
}
