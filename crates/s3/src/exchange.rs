//! One request and its answer: addressed, signed, sent, and judged.

use crate::answers::{self, MAX_DOCUMENT, Refusal};
use crate::error::{Error, Fault, Refused, again};
use crate::payload::{Meter, Payload};
use crate::sign::{Signed, Signer};
use crate::{Bucket, encode, time};
use net::http::{InTime, Method, Request, Response};
use net::patience::{Cancel, Patience, Verdict};
use std::cmp::Reverse;
use std::io::{self, Read};
use std::sync::PoisonError;

/// Largest error document that is looked at, in bytes.
const MAX_ERROR: u64 = 16 << 10;
/// From this length on, the server is asked whether it wants the body before it is sent: a refusal in the middle would be lost.
const ASK_FIRST: u64 = 1 << 20;
/// A bucket is in one region. Whoever sends us round in a circle is not followed.
const MAX_MOVES: u32 = 2;

/// What is asked for.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// `None` is the bucket itself.
    pub(crate) key: Option<&'a str>,
    /// Not encoded.
    pub(crate) query: Vec<(&'static str, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Whether the encryption key belongs to it.
    pub(crate) with_sse: bool,
    pub(crate) payload: Payload<'a>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, key: Option<&'a str>) -> Call<'a> {
        Call { method, key, query: Vec::new(), headers: Vec::new(), with_sse: false, payload: Payload::Empty }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Call<'a> {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Call<'a> {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn with_sse(self) -> Call<'a> {
        Call { with_sse: true, ..self }
    }

    pub(crate) fn payload(self, payload: Payload<'a>) -> Call<'a> {
        Call { payload, ..self }
    }
}

/// An answer that is no refusal, and its document.
pub(crate) struct Document {
    pub(crate) response_etag: String,
    pub(crate) bytes: Vec<u8>,
}

impl Bucket {
    /// Attempts until one works, or there is no hope.
    pub(crate) fn patiently<T>(
        &self,
        cancel: &Cancel,
        mut attempt: impl FnMut(&mut Patience<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut patience = Patience::new(self.limits, cancel);
        loop {
            let fault = match attempt(&mut patience) {
                Ok(result) => return Ok(result),
                Err(fault) => fault,
            };
            if patience.is_cancelled() {
                return Err(Error::Cancelled);
            }
            match patience.judge(fault.again) {
                Verdict::Fail => return Err(fault.error),
                Verdict::GiveUp(silence) => {
                    let (host, last) = (self.address.host().to_owned(), Box::new(fault.error));
                    return Err(Error::GaveUp { host, seconds: silence.as_secs(), last });
                }
                Verdict::Wait(pause) => {
                    log::warn!("{}; trying again in {:.1} s", fault.error, pause.as_secs_f32());
                    patience.sleep(pause);
                }
            }
        }
    }

    /// One small document, patiently.
    pub(crate) fn document(&self, call: &Call<'_>) -> Result<Document, Error> {
        self.patiently(&Cancel::default(), |_| self.try_document(call, &mut ()))
    }

    /// One attempt to get a small document, which may be empty.
    pub(crate) fn try_document(&self, call: &Call<'_>, meter: &mut dyn Meter) -> Result<Document, Fault> {
        let response = self.attempt(call, meter)?;
        let response_etag = answers::etag(response.header("etag").unwrap_or_default());
        let bytes = self.read_document(call, InTime::new(response.into_reader()))?;
        Ok(Document { response_etag, bytes })
    }

    /// What came, if it is no refusal.
    pub(crate) fn read_document(&self, call: &Call<'_>, body: impl Read) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let read = body.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes);
        read.map_err(|e| self.cut(call.key, e))?;
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(self.protocol(call.key, "its answer is too long"));
        }
        // An answer may begin before it is known that it fails (CompleteMultipartUpload, "processing … can take several minutes").
        match answers::refusal(&bytes) {
            Some(refusal) if call.method == Method::Post => {
                let again = again(200, &refusal.code, None);
                Err(Fault { again, error: self.refused(call, 200, &refusal) })
            }
            _ => Ok(bytes),
        }
    }

    /// Sends it once; once more, if only then it is known in which region the bucket is.
    pub(crate) fn attempt(&self, call: &Call<'_>, meter: &mut dyn Meter) -> Result<Response, Fault> {
        for _ in 0..MAX_MOVES {
            let region = self.region();
            meter.start();
            let response = self.client.send_direct(&self.request(call, &region), call.payload.body(meter))?;
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            if let Some(fault) = self.refusal(call, response, &region) {
                return Err(fault);
            }
        }
        Err(self.protocol(call.key, "it names one region after another"))
    }

    /// A signed request.
    fn request(&self, call: &Call<'_>, region: &str) -> Request {
        let place = self.address.locate(region, call.key);
        let mut query: Vec<String> =
            call.query.iter().map(|(name, value)| format!("{name}={}", encode::query(value))).collect();
        query.sort_unstable();
        let query = query.join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}://{}{}{mark}{query}", place.scheme, place.host, place.path);
        let mut headers = call.headers.clone();
        if call.with_sse {
            let sse = self.sse.iter().flat_map(crate::sse::Sse::headers);
            headers.extend(sse.map(|(name, value)| (name.to_owned(), value)));
        }
        self.sign(call, region, (&place.host, &place.path, &query), &mut headers);
        if call.payload.length() >= ASK_FIRST {
            headers.push(("expect".into(), "100-continue".into()));
        }
        Request { headers, ..Request::new(call.method, url) }
    }

    /// Adds the headers of a signature; none for anonymous requests.
    fn sign(
        &self,
        call: &Call<'_>,
        region: &str,
        (host, path, query): (&str, &str, &str),
        headers: &mut Vec<(String, String)>,
    ) {
        let keys = &self.keys;
        if keys.access_key.is_empty() {
            return;
        }
        let (time, payload) = (time::now(), call.payload.hash());
        headers.push(("x-amz-date".into(), time.clone()));
        headers.push(("x-amz-content-sha256".into(), payload.to_owned()));
        if !keys.session_token.is_empty() {
            headers.push(("x-amz-security-token".into(), keys.session_token.clone()));
        }
        let signer =
            Signer { access_key: &keys.access_key, secret_key: &keys.secret_key, region, time: &time };
        let mut signed: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        signed.push(("host", host));
        let method = call.method.name();
        let authorization = signer.authorization(Signed { method, path, query, headers: signed, payload });
        headers.push(("authorization".into(), authorization));
    }

    /// Why the store refuses; `None` if it told us the region, so that it is to be asked again.
    fn refusal(&self, call: &Call<'_>, response: Response, asked_region: &str) -> Option<Fault> {
        let status = response.status;
        let retry_after = response.header("retry-after").map(str::to_owned);
        let named = response.header("x-amz-bucket-region").map(answers::shown);
        let refusal = read_refusal(call.method, response);
        let region = named.unwrap_or_else(|| refusal.region.clone());
        if matches!(status, 301 | 307 | 400 | 403) && self.moved(asked_region, &region) {
            return None;
        }
        let again = again(status, &refusal.code, retry_after.as_deref());
        Some(Fault { again, error: self.refused(call, status, &refusal) })
    }

    fn refused(&self, call: &Call<'_>, status: u16, refusal: &Refusal) -> Error {
        Error::Refused(Box::new(Refused {
            host: self.address.host().to_owned(),
            method: call.method.name(),
            what: self.what(call.key),
            status,
            code: self.words(&refusal.code),
            message: self.words(&refusal.message),
        }))
    }

    /// What a store says, as it may stand in a line for people: some name the access key.
    pub(crate) fn words(&self, text: &str) -> String {
        let keys = &self.keys;
        let mut secrets = [&keys.access_key, &keys.secret_key, &keys.session_token];
        // One may be the beginning of another.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        let hidden = secrets.into_iter().filter(|secret| !secret.is_empty());
        answers::shown(&hidden.fold(text.to_owned(), |text, secret| text.replace(secret, "***")))
    }

    /// Whether the bucket is in another region than the one asked; that one is asked from now on.
    fn moved(&self, asked: &str, named: &str) -> bool {
        let is_region = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if named == asked || named.is_empty() || named.len() > 64 || !named.bytes().all(is_region) {
            return false;
        }
        log::debug!("{} is in the region {named}", self.what(None));
        named.clone_into(&mut self.region.lock().unwrap_or_else(PoisonError::into_inner));
        true
    }

    fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `bucket` or `bucket/key`, for messages.
    pub(crate) fn what(&self, key: Option<&str>) -> String {
        let bucket = self.address.bucket();
        key.map_or_else(|| bucket.to_owned(), |key| format!("{bucket}/{}", answers::shown(key)))
    }

    pub(crate) fn protocol(&self, key: Option<&str>, reason: impl Into<String>) -> Fault {
        let host = self.address.host().to_owned();
        Fault::last(Error::Protocol { host, what: self.what(key), reason: reason.into() })
    }

    /// The body of an answer could not be read to its end.
    pub(crate) fn cut(&self, key: Option<&str>, error: io::Error) -> Fault {
        match error.downcast::<net::http::Error>() {
            Ok(error) => Fault::from(error),
            Err(error) => Fault::passing(self.protocol(key, error.to_string()).error),
        }
    }
}

/// What the server says, as far as it can be understood.
fn read_refusal(method: Method, response: Response) -> Refusal {
    let mut body = Vec::new();
    if method != Method::Head {
        // Whatever could be read of it is good enough.
        let _ = InTime::new(response.into_reader()).take(MAX_ERROR).read_to_end(&mut body);
    }
    answers::refusal(&body).unwrap_or_default()
}
