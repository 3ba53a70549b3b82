//! Who we are to a registry: nobody, a user with a password, or the bearer of a token (distribution's "Token Authentication
//! Specification").

use super::challenge::{self, Challenge};
use super::credentials::Credentials;
use super::error::{Fault, RegistryError};
use super::{reason, retry_after_fault, status_fault};
use net::http::{Client, InTime, Request, Response};
use serde::Deserialize;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

/// Largest answer of a token server, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

/// What is sent to one registry to prove who we are, shared by all downloads.
pub(super) struct Auth {
    credentials: Option<Credentials>,
    /// The scope to ask for where the registry does not say.
    scope: String,
    tls_verify: bool,
    header: Mutex<Option<String>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    /// OAuth 2's name for it, which some servers use.
    access_token: Option<String>,
}

impl Auth {
    pub(super) fn new(credentials: Option<Credentials>, repository: &str, tls_verify: bool) -> Auth {
        let scope = format!("repository:{repository}:pull");
        Auth { credentials, scope, tls_verify, header: Mutex::new(None) }
    }

    /// The `Authorization` header for the next request.
    pub(super) fn header(&self) -> Option<String> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new header after a request with the header `used` was answered by 401. The downloads whose tokens expire together ask for
    /// one new token between them.
    pub(super) fn renew(
        &self,
        client: &Client,
        refused: &Response,
        used: Option<&String>,
    ) -> Result<Option<String>, Fault> {
        let mut header = self.header.lock().unwrap_or_else(PoisonError::into_inner);
        if header.as_ref() == used {
            *header = Some(self.answer(client, refused)?);
        }
        Ok(header.clone())
    }

    fn answer(&self, client: &Client, refused: &Response) -> Result<String, Fault> {
        match challenge::choose(refused.headers("www-authenticate")) {
            None => {
                Err(Fault::protocol(&refused.url, "401 without a challenge that is known (Bearer, Basic)"))
            }
            Some(Challenge::Basic) => match &self.credentials {
                Some(credentials) => Ok(credentials.basic()),
                None => Err(Fault::last(RegistryError::Status {
                    url: refused.url.clone(),
                    status: 401,
                    reason: "it wants a user and a password, and none were given".into(),
                })),
            },
            Some(Challenge::Bearer { realm, service, scope }) => {
                self.check_realm(&realm, &refused.url)?;
                let scope = scope.as_deref().unwrap_or(&self.scope);
                let mut request = Request::get(token_url(&realm, service.as_deref(), scope));
                request.tls_verify = self.tls_verify;
                if let Some(credentials) = &self.credentials {
                    request = request.header("Authorization", credentials.basic());
                }
                fetch_token(client, &request).map(|token| format!("Bearer {token}"))
            }
        }
    }

    /// The realm gets the password, and may be any host: that is how the protocol works. But nobody else must be able to read it.
    fn check_realm(&self, realm: &str, url: &str) -> Result<(), Fault> {
        if realm.starts_with("https://") || (realm.starts_with("http://") && !self.tls_verify) {
            return Ok(());
        }
        Err(Fault::protocol(
            url,
            format!("it wants tokens from {:?}, which is not an https:// address", net::http::shown(realm)),
        ))
    }
}

fn token_url(realm: &str, service: Option<&str>, scope: &str) -> String {
    let mut url = realm.to_owned();
    let mut separator = if realm.contains('?') { '&' } else { '?' };
    for (name, value) in [("service", service), ("scope", Some(scope))] {
        if let Some(value) = value {
            url.push(separator);
            url.push_str(name);
            url.push('=');
            percent_encode(value, &mut url);
            separator = '&';
        }
    }
    url
}

/// RFC 3986 §2.3: what is not unreserved.
fn percent_encode(value: &str, url: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn fetch_token(client: &Client, request: &Request) -> Result<String, Fault> {
    let response = client.send(request)?;
    let url = response.url.clone();
    match response.status {
        200 => {}
        429 | 500.. => return Err(retry_after_fault(response)),
        401 | 403 => return Err(denied(response, &request.url)),
        _ => return Err(status_fault(response)),
    }
    let mut body = Vec::new();
    InTime::new(response.into_reader())
        .take(MAX_TOKEN)
        .read_to_end(&mut body)
        .map_err(|e| Fault::cut(&url, e))?;
    let answer: TokenAnswer =
        serde_json::from_slice(&body).map_err(|e| Fault::protocol(&url, format!("this is no token: {e}")))?;
    let token = answer.token.or(answer.access_token).filter(|token| is_token(token));
    token.ok_or_else(|| Fault::protocol(&url, "the token server's answer holds no proper token"))
}

fn denied(response: Response, url: &str) -> Fault {
    let (realm, what) = url.split_once('?').unwrap_or((url, "its tokens"));
    let (host, what) = (net::http::shown(realm), what.to_owned());
    Fault::last(RegistryError::Denied { host, what, reason: reason(response) })
}

/// Fit for a header (RFC 6750 §2.1, a little wider).
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_asked_for_by_service_and_scope() {
        let url = token_url("https://a/t", Some("my registry"), "repository:b/c:pull");
        assert_eq!(url, "https://a/t?service=my%20registry&scope=repository%3Ab%2Fc%3Apull");
        assert_eq!(token_url("https://a/t?x=1", None, "s"), "https://a/t?x=1&scope=s");
    }

    /// A registry could otherwise have the password sent where everybody can read it.
    #[test]
    fn passwords_go_over_tls_only() {
        let verified = Auth::new(None, "a", true);
        let unverified = Auth::new(None, "a", false);
        for realm in ["http://a/t", "ftp://a/t", "/token", "", "file:///etc/passwd"] {
            assert!(verified.check_realm(realm, "u").is_err(), "{realm}");
            assert_eq!(unverified.check_realm(realm, "u").is_ok(), realm.starts_with("http://"), "{realm}");
        }
        assert!(verified.check_realm("https://a/t", "u").is_ok());
    }
}
