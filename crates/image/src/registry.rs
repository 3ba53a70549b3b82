//! A registry's API (OCI distribution-spec v1.1): manifests and blobs, fetched with patience.

mod absent;
mod auth;
mod blob;
mod challenge;
mod credentials;
mod error;
mod patience;
mod places;
mod question;
mod scheme;

use crate::digest::{Algorithm, Digest};
use crate::manifest::{self, MAX_MANIFEST, Manifest};
use auth::Auth;
use error::{Again, Fault};

use net::http::{Client, InTime, Method, Request, Response};
use patience::Patience;
use places::Standing;
use std::io::Read as _;
use std::time::Duration;

pub use credentials::{AuthFileError, Credentials, Keyring};
pub use error::RegistryError;
pub(crate) use patience::Cancel;
pub use patience::Limits;
pub use places::Mirror;
pub(crate) use places::{Access, Places};

/// Enough for TLS, inflating and unpacking; pages that are not used cost nothing.
pub(crate) const THREAD_STACK: usize = 512 << 10;
/// Largest error text that is looked at, in bytes.
const MAX_ERROR: u64 = 16 << 10;

/// One repository of a registry or of a mirror, for one pull.
struct Registry<'a> {
    client: &'a Client,
    host: String,
    repository: String,
    tls_verify: bool,
    auth: Auth,
    limits: Limits,
    cancel: &'a Cancel,
    /// Of a mirror only.
    standing: Option<Standing>,
}

/// A manifest or an index, as it came.
pub(crate) struct Document {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// A request below `/v2/<repository>/`.
struct Call {
    method: Method,
    path: String,
    accept: Option<&'static str>,
    range: Option<String>,
}

impl Call {
    fn get(path: String) -> Call {
        Call { method: Method::Get, path, accept: None, range: None }
    }

    fn is_blob(&self) -> bool {
        self.path.starts_with("blobs/")
    }

    fn manifest(method: Method, version: &str) -> Call {
        Call { method, path: format!("manifests/{version}"), accept: Some(manifest::ACCEPT), range: None }
    }
}

impl<'a> Registry<'a> {
    /// Fetches a manifest or an index by tag or digest. With a digest, what comes is checked against it.
    fn document(&self, version: &str) -> Result<Document, RegistryError> {
        self.check_network()?;
        let expected = Digest::parse(version).ok();
        let mut patience = self.patience();
        loop {
            match self.try_document(version, expected.as_ref()) {
                Ok(document) => return Ok(document),
                Err(fault) => patience.wait(&self.host, fault)?,
            }
        }
    }

    fn patience(&self) -> Patience<'a> {
        Patience::new(self.limits(), self.cancel)
    }

    fn try_document(&self, version: &str, expected: Option<&Digest>) -> Result<Document, Fault> {
        let response = self.try_send(&Call::manifest(Method::Get, version))?;
        let url = response.url.clone();
        let media_type = response.header("content-type").unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        InTime::new(response.into_reader())
            .take(MAX_MANIFEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Fault::cut(&url, e))?;
        self.check_answer(expected, &url, &media_type, &bytes)?;
        let algorithm = expected.map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = Digest::of(algorithm, &bytes);
        match expected {
            Some(expected) if *expected != digest => Err(Fault::protocol(
                &url,
                format!("its content has the digest {digest} instead of {expected}"),
            )),
            _ => Ok(Document { digest, media_type, bytes }),
        }
    }

    /// Whoever answers in a mirror's place (the page of a captive portal, another service) knows nothing of a tag: there are other places to ask. What is asked for
    /// by its digest is checked anyway, and what the registry itself says is what counts.
    fn check_answer(
        &self,
        expected: Option<&Digest>,
        url: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        if self.standing.is_none() || expected.is_some() {
            return Ok(());
        }
        Manifest::parse(bytes, media_type).map(drop).map_err(|error| Fault::protocol(url, error.to_string()))
    }

    /// Sends by the scheme that the registry speaks. The first request to one that probably speaks http finds out by itself.
    fn try_send(&self, call: &Call) -> Result<Response, Fault> {
        if scheme::is_probably_http(&self.host, self.tls_verify) {
            let answer = self.try_scheme(call, "http");
            if answer.as_ref().err().is_none_or(Fault::is_answer) {
                scheme::remember(&self.host, "http");
                return answer;
            }
            // The other scheme is at the same port.
            if answer.as_ref().is_err_and(|fault| fault.error.is_unreachable()) {
                return answer;
            }
        }
        self.try_scheme(call, scheme::find(self.client, &self.host, self.tls_verify)?)
    }

    /// Sends once, and once more if the registry wants to know who we are.
    fn try_scheme(&self, call: &Call, scheme: &str) -> Result<Response, Fault> {
        let origin = format!("{scheme}://{}/", self.host);
        let url = format!("{origin}v2/{}/{}", self.repository, call.path);
        let mut header = self.auth.header();
        let mut renewed = false;
        loop {
            let response = self.client.send(&self.request(call, &url, header.as_ref()))?;
            let redirected = !starts_with_ignore_case(&response.url, &origin);
            match response.status {
                200 | 206 => {
                    self.has_answered();
                    return Ok(response);
                }
                401 if !redirected && !renewed => {
                    header = self.auth.renew(self.client, &response, header.as_ref())?;
                    renewed = true;
                }
                408 | 429 | 500.. => return Err(retry_after_fault(response)),
                // Signed links expire. The next attempt gets a new one from the registry.
                400 | 401 | 403 | 410 if redirected && call.is_blob() => {
                    return Err(Fault { again: Again::Soon, ..status_fault(response) });
                }
                _ => return Err(self.refusal(call, response)),
            }
        }
    }

    fn request(&self, call: &Call, url: &str, authorization: Option<&String>) -> Request {
        let mut request = Request::new(call.method, url).tls_verify(self.tls_verify);
        for (name, value) in [
            ("Accept", call.accept),
            ("Range", call.range.as_deref()),
            ("Authorization", authorization.map(String::as_str)),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request
    }

    fn refusal(&self, call: &Call, response: Response) -> Fault {
        let status = response.status;
        let host = self.host.clone();
        let what = match call.path.split_once('/') {
            Some(("blobs", digest)) => format!("the blob {digest} of {}", self.repository),
            Some((_, digest)) if digest.contains(':') => format!("{}@{digest}", self.repository),
            Some((_, tag)) => format!("{}:{tag}", self.repository),
            None => self.repository.clone(),
        };
        match status {
            404 => Fault::last(RegistryError::NotFound { host, what, reason: reason(response) }),
            401 | 403 => Fault::last(RegistryError::Denied { host, what, reason: reason(response) }),
            _ => status_fault(response),
        }
    }
}

fn starts_with_ignore_case(url: &str, origin: &str) -> bool {
    url.get(..origin.len()).is_some_and(|start| start.eq_ignore_ascii_case(origin))
}

fn status_fault(response: Response) -> Fault {
    let (url, status) = (response.url.clone(), response.status);
    Fault::last(RegistryError::Status { url, status, reason: reason(response) })
}

/// The server is there, but has no time now (RFC 9110 §10.2.3). A date instead of seconds is not obeyed: clocks may be wrong.
fn retry_after_fault(response: Response) -> Fault {
    let asked = response.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let again = asked.map_or(Again::Soon, |seconds| Again::After(Duration::from_secs(seconds)));
    Fault { again, ..status_fault(response) }
}

/// The registry's words (distribution-spec, "Error Codes"), or the name of the status.
fn reason(response: Response) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        code: String,
        #[serde(default)]
        message: Option<String>,
    }
    let status = response.status;
    let mut body = Vec::new();
    // Whatever could be read of it is good enough.
    let _ = InTime::new(response.into_reader()).take(MAX_ERROR).read_to_end(&mut body);
    let first = serde_json::from_slice::<Errors>(&body).ok().and_then(|e| e.errors.into_iter().next());
    let text = first.map(|e| e.message.filter(|m| !m.is_empty()).unwrap_or(e.code));
    let text: String = text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    if text.is_empty() { format!("status {status}") } else { format!("status {status}: {text}") }
}
