//! `b2c.proxy`.

use crate::diagnostic::{Problem, Report};
use crate::located::Slice;
use crate::secret::Secret;
use crate::table::{Mark, OptionSpec};
use crate::url;
use crate::values::{self, Piece, Result};
use std::fmt;

/// Proxies for what b2c itself fetches.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For https URLs. It may hold a password.
    pub https: Option<String>,
    /// For http URLs. It may hold a password.
    pub http: Option<String>,
    /// Hosts that are asked without a proxy.
    pub no: Vec<String>,
}

/// Does not show the URLs, for they may hold passwords.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |url: &Option<String>| url.as_ref().map(|_| Secret::new(()));
        let (https, http) = (hidden(&self.https), hidden(&self.http));
        f.debug_struct("Proxy").field("https", &https).field("http", &http).field("no", &self.no).finish()
    }
}

const KEYS: [&str; 3] = ["https", "http", "no"];

pub(super) static PROXY: OptionSpec = OptionSpec {
    name: "b2c.proxy",
    aliases: &[],
    value: "[https=URL][,http=URL][,no=HOST[,HOST…]]",
    default: "",
    repeatable: false,
    help: "HTTP proxies for what b2c itself fetches.",
    doc: "`no` lists hosts that are asked directly, separated by `,` or `|`: a name (and all below it), an address, a network (`10.0.0.0/8`) or `*`; with a port (`ci-gateway:8002`) only that port. Containers are not concerned: give them theirs with `--env`.",
    example: "b2c.proxy=https=http://proxy:3128,http=http://proxy:3128,no=ci-gateway,10.42.0.1",
    marks: &[Mark::New("The exact meaning is ours.")],
    update: |value, options, report| {
        options.proxy = Some(proxy(value, report)?);
        Ok(())
    },
    refuse: None,
};

fn proxy<'a>(value: Slice<'a>, report: &mut Report) -> Result<'a, Proxy> {
    let mut proxy = Proxy::default();
    let mut in_no = false;
    for piece in pieces(value) {
        match (piece.key.text(), piece.value) {
            ("https", Some(url)) => proxy.https = Some(proxy_url(url, report)?),
            ("http", Some(url)) => proxy.http = Some(proxy_url(url, report)?),
            ("no", Some(hosts)) => proxy.no.extend(values::texts(hosts, '|')),
            (_, None) if in_no => proxy.no.extend(values::texts(piece.whole, '|')),
            _ => {
                url::hide(piece.whole, report);
                return Err(
                    Problem::new(piece.key, "is not known").help("write https=URL, http=URL or no=HOSTS")
                );
            }
        }
        in_no |= piece.key.text() == "no";
    }
    Ok(proxy)
}

/// The pieces between commas, but for commas in passwords: a URL goes on to the last `@` before the next key.
fn pieces(value: Slice<'_>) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), value);
    while !rest.is_empty() {
        let text = rest.text();
        let next = KEYS.iter().filter_map(|key| text.find(&format!(",{key}="))).min().unwrap_or(text.len());
        let user = if text.starts_with("http") { text[..next].rfind('@').unwrap_or(0) } else { 0 };
        let end = text[user..].find(',').map_or(text.len(), |at| user + at);
        pieces.extend(Piece::of(rest.part(0..end)));
        rest = rest.part((end + 1).min(text.len())..text.len());
    }
    pieces
}

fn proxy_url<'a>(url: Slice<'a>, report: &mut Report) -> Result<'a, String> {
    url::hide(url, report);
    values::url(url)
}
