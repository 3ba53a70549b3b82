//! Where a redirect leads (RFC 9110 §15.4), by reference resolution (RFC 3986 §5.2).

use super::error::shown;
use super::{Error, Method, parse_url, resolve};
use ureq::http::{Response, Uri, header::LOCATION};

/// The next URL; `None` if the answer is no redirect. Only who does not ask for proof of who the server is (`tls_verify`) is led from https to http.
pub(super) fn target<B>(base: &Uri, response: &Response<B>, tls_verify: bool) -> Result<Option<Uri>, Error> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refused = |reason: String| Error::Redirect { url: shown(base), reason };
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let location = location.to_str().map_err(|_| refused("its Location is not ASCII".into()))?;
    let next = parse_url(&join(base, location)).map_err(|e| refused(e.to_string()))?;
    if tls_verify && base.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
        return Err(refused(format!("from https to {}", shown(&next))));
    }
    Ok(Some(next))
}

/// The method of the next request (RFC 9110 §15.4.2–4: what clients do is to turn POST into GET after 301 and 302).
pub(super) fn method(status: u16, method: Method) -> Method {
    match (status, method) {
        (_, Method::Head) => Method::Head,
        (303, _) | (301 | 302, Method::Post) => Method::Get,
        (_, method) => method,
    }
}

/// Whether credentials for one URL may be shown to the other's server.
pub(super) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && resolve::port(a) == resolve::port(b)
}

/// `location` seen from `base`. The fragment means nothing to a server.
fn join(base: &Uri, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or("http");
    let origin = format!("{scheme}://{}", base.authority().map_or("", |a| a.as_str()));
    if has_scheme(location) {
        location.into()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.is_empty() {
        base.to_string()
    } else if location.starts_with('?') {
        format!("{origin}{}{location}", base.path())
    } else {
        let (path, query) = location.split_at(location.find('?').unwrap_or(location.len()));
        let folder =
            if path.starts_with('/') { "" } else { base.path().rsplit_once('/').map_or("", |p| p.0) };
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{origin}{}{query}", remove_dots(&format!("{folder}{slash}{path}")))
    }
}

fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// RFC 3986 §5.2.4 for an absolute path.
fn remove_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if segments.peek().is_none() {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3986 §5.4 that concern http.
    #[test]
    fn references_resolve_as_in_the_rfc() {
        let base: Uri = "http://a/b/c/d;p?q".parse().unwrap();
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g/x", "http://g/x"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g?y#s", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h:1/x", "https://h:1/x"),
        ] {
            assert_eq!(join(&base, reference), expected, "{reference}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_origin(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("http://a/x", "http://A:80/y"));
        assert!(!same("http://a/", "https://a/"));
        assert!(!same("http://a/", "http://a:81/"));
        assert!(!same("http://a/", "http://b.a/"));
    }
}
