//! `WWW-Authenticate` headers (RFC 9110 §11; distribution's "Token Authentication Specification").

/// How a registry wants to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from somewhere else.
    Bearer {
        /// Who gives tokens.
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// The challenge to answer, of all that the headers hold: Bearer before Basic. Headers that break the grammar are passed over.
pub(super) fn choose<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let challenges: Vec<Challenge> = headers.filter_map(parse).flatten().collect();
    let (bearer, basic): (Vec<_>, Vec<_>) =
        challenges.into_iter().partition(|c| matches!(c, Challenge::Bearer { .. }));
    bearer.into_iter().chain(basic).next()
}

/// All challenges of one header that are known here.
fn parse(header: &str) -> Option<Vec<Challenge>> {
    let mut rest = header;
    let mut challenges = Vec::new();
    while !rest.is_empty() {
        let scheme = token(&mut rest)?;
        let parameters = parameters(&mut rest)?;
        let find = |name: &str| {
            let mut values = parameters.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            let value = values.next().map(|(_, value)| value.clone());
            // Said twice: which one counts is anybody's guess.
            if values.next().is_some() { None } else { value }
        };
        if scheme.eq_ignore_ascii_case("basic") {
            challenges.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let realm = find("realm")?;
            challenges.push(Challenge::Bearer { realm, service: find("service"), scope: find("scope") });
        }
    }
    Some(challenges)
}

/// `name=value, name="value"` up to the next challenge, whose name is followed by a blank and not by `=`.
fn parameters(rest: &mut &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    loop {
        *rest = rest.trim_start_matches([' ', '\t', ',']);
        let mut ahead = *rest;
        let Some(name) = token(&mut ahead) else { break };
        let Some(value) = ahead.trim_start().strip_prefix('=') else { break };
        ahead = value.trim_start();
        let value = if ahead.starts_with('"') { quoted(&mut ahead)? } else { token(&mut ahead)?.to_owned() };
        parameters.push((name.to_owned(), value));
        *rest = ahead;
    }
    Some(parameters)
}

/// RFC 9110 §5.6.2.
fn token<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
    let (token, after) = rest.split_at(end);
    *rest = after;
    (!token.is_empty()).then_some(token)
}

/// RFC 9110 §5.6.4.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut value = String::new();
    let mut characters = rest.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            c => value.push(c),
        }
    }
    *rest = characters.as_str();
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let owned = |s: Option<&str>| s.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.into(), service: owned(service), scope: owned(scope) })
    }

    #[test]
    fn challenges_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push""#;
        let hub_read = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            Some("repository:library/alpine:pull,push"),
        );
        for (headers, expected) in [
            (vec![hub], hub_read),
            (vec![r#"Basic realm="x y""#], Some(Challenge::Basic)),
            (vec![r#"Basic realm="x", BEARER Realm = "r" , service=s"#], bearer("r", Some("s"), None)),
            (vec!["Basic", r#"Bearer realm="a\"b""#], bearer("a\"b", None, None)),
            (vec![r#"Negotiate, Basic realm="x""#], Some(Challenge::Basic)),
            (vec!["Negotiate"], None),
            (vec!["Bearer"], None),
            (vec![r#"Bearer realm="a",realm="b""#], None),
            (vec![r#"Bearer realm="open"#], None),
            (vec![r#"Bearer realm="#], None),
            (vec!["", ",,", "=", "\"x\""], None),
        ] {
            assert_eq!(choose(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_passed_over(header: String) {
            let _ = choose([header.as_str()].into_iter());
        }

        #[test]
        fn likely_headers_too(header in "(Bearer|Basic)?[ ,]*(realm|service|x)?[=\" ,\\\\a]{0,12}") {
            let _ = choose([header.as_str()].into_iter());
        }
    }
}
