//! SVG elements as text. All that a document says goes through [`escape`], so that it stays text, whatever it is.

use std::fmt::Write as _;

/// Shapes, in pixels.
#[derive(Default)]
pub struct Svg {
    body: String,
}

impl Svg {
    /// A bar. `hint` is shown when the mouse is on it.
    pub fn bar(&mut self, x: f64, y: f64, width: f64, class: &str, hint: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="14"><title>{}</title></rect>"#,
            escape(hint)
        );
    }

    /// One line of text.
    pub fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let _ = writeln!(self.body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
    }

    /// A line from top to bottom.
    pub fn vertical(&mut self, x: f64, from: f64, to: f64) {
        let _ = writeln!(self.body, r#"<path class="grid" d="M{x:.1} {from:.1}V{to:.1}"/>"#);
    }

    /// What was added before is on top of `under`, which this was given first.
    pub fn over(self, under: Svg) -> Svg {
        Svg { body: under.body + &self.body }
    }

    /// The whole file.
    pub fn finish(self, width: f64, height: f64, title: &str, style: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>{style}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{}</svg>\n",
            escape(title),
            self.body
        )
    }
}

/// `text` as character data or an attribute's value. What XML 1.0 has no way to say (section 2.2) is shown as a replacement.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_stays_markup() {
        assert_eq!(
            escape("</title><script>a&&b('\"')"),
            "&lt;/title&gt;&lt;script&gt;a&amp;&amp;b(&#39;&quot;&#39;)"
        );
        assert_eq!(escape("a\nb\u{1b}[0m\u{0}\u{ffff}"), "a b\u{fffd}[0m\u{fffd}\u{fffd}");
    }
}
