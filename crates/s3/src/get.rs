//! One object becomes one file: with one request, or by ranges, several at once.

use crate::error::{Error, Fault};
use crate::exchange::Call;
use crate::put::{PART, combined, part_size};
use crate::{Bucket, Head, answers, encode, parallel, time, write_out};
use md5::{Digest as _, Md5};
use net::http::{Method, Response};
use net::patience::Cancel;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What is written at once.
const PIECE: usize = 128 << 10;
/// How often an object may be replaced by another one while it is fetched, or arrive broken.
const MAX_STARTS: u32 = 5;

const META: &str = "x-amz-meta-";

impl Bucket {
    /// One attempt. An answer without a body does not say why it refuses, so a refusal is asked for again with one.
    pub(crate) fn try_head(&self, key: &str) -> Result<Option<Head>, Fault> {
        let attempt = |method| {
            let response = self.attempt(&Call::new(method, Some(key)).with_sse(), &mut ())?;
            head_of(&response).map_err(|reason| self.protocol(Some(key), reason)).map(Some)
        };
        let unexplained = |error: &Error| {
            error.refusal().is_some_and(|it| matches!(it.status, 301 | 307 | 400 | 401 | 403))
        };
        let answer = match attempt(Method::Head) {
            Err(fault) if unexplained(&fault.error) => attempt(Method::Get),
            answer => answer,
        };
        match answer {
            Err(fault) if fault.error.is_no_object() => Ok(None),
            answer => answer,
        }
    }
}

/// What the headers of an answer say of the whole object.
fn head_of(response: &Response) -> Result<Head, &'static str> {
    let number = |text: &str| text.trim().parse().ok();
    let size = response.header("content-length").and_then(number).ok_or("it does not say how long it is")?;
    let modified = response.header("last-modified").and_then(time::parse_http);
    let metadata = response.fields().filter_map(|(name, value)| {
        let name = name.strip_prefix(META)?;
        Some((name.to_owned(), value.into_owned()))
    });
    Ok(Head {
        size,
        etag: answers::etag(response.header("etag").unwrap_or_default()),
        modified: modified.ok_or("it does not say when it was stored")?,
        metadata: metadata.collect(),
    })
}

/// An object on its way.
pub(crate) struct Download<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a str,
    pub(crate) file: &'a File,
    pub(crate) received: &'a AtomicU64,
}

impl Download<'_> {
    /// `None`: there is no such object.
    pub(crate) fn run(&self) -> Result<Option<Head>, Error> {
        let mut starts = 1;
        loop {
            let received = AtomicU64::new(0);
            let error = match self.whole(&received) {
                Ok(head) => return Ok(head),
                Err(error) => error,
            };
            self.received.fetch_sub(received.into_inner(), Ordering::Relaxed);
            if starts == MAX_STARTS || !is_replaced_or_broken(&error) {
                return Err(error);
            }
            log::warn!("{error}; fetching it from the start");
            starts += 1;
        }
    }

    fn whole(&self, received: &AtomicU64) -> Result<Option<Head>, Error> {
        let Some(First { head, body, encrypted }) = self.open()? else { return Ok(None) };
        self.empty_file().map_err(|e| self.file_error(e))?;
        let size = if head.size > PART { part_size(head.size) } else { head.size.max(1) };
        let count = head.size.div_ceil(size);
        let check = Check::new(&head.etag, count, encrypted);
        let (cancel, first) = (Cancel::default(), Mutex::new(Some(body)));
        let sums = Mutex::new(BTreeMap::new());
        parallel::each(count, &cancel, |number| {
            let body = first.lock().unwrap_or_else(PoisonError::into_inner).take_if(|_| number == 0);
            let range = number * size..head.size.min((number + 1) * size);
            let mut stretch =
                Stretch { of: self, head: &head, range: range.clone(), received, cancel: &cancel };
            let sum = stretch.fetch(body, check.needs_sums())?;
            if count > 1 {
                write_out::begin(self.file, range);
            }
            sums.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sum);
            Ok(())
        })?;
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.check(&check, &head, &sums.into_values().collect::<Vec<_>>())?;
        Ok(Some(head))
    }

    /// A file that is empty already is left alone: truncating it gives back the room that was made for it, and lets ext4 write it as soon as
    /// it is closed, instead of many together (`auto_da_alloc`, ext4(5)).
    fn empty_file(&self) -> io::Result<()> {
        if self.file.metadata()?.len() > 0 { self.file.set_len(0) } else { Ok(()) }
    }

    /// The first answer, which says what the object is.
    fn open(&self) -> Result<Option<First>, Error> {
        let call = Call::new(Method::Get, Some(self.key)).with_sse();
        let opened = self.bucket.patiently(&Cancel::default(), |_| {
            let response = self.bucket.attempt(&call, &mut ())?;
            let head = head_of(&response).map_err(|reason| self.bucket.protocol(Some(self.key), reason))?;
            let encrypted = self.bucket.sse.is_some() || is_encrypted(&response);
            Ok(First { head, encrypted, body: response.into_reader() })
        });
        match opened {
            Err(error) if error.is_no_object() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Whether what came is what was stored.
    fn check(&self, check: &Check, head: &Head, sums: &[String]) -> Result<(), Error> {
        let right = match check {
            Check::Nothing => true,
            Check::Whole => sums.first().is_none_or(|sum| *sum == head.etag),
            Check::ReadAgain => self.sum_of_file(head.size)? == head.etag,
            Check::Parts => {
                combined(sums).as_ref() == Some(&head.etag) || !self.has_parts_of(part_size(head.size))?
            }
        };
        if right { Ok(()) } else { Err(self.bucket.protocol(Some(self.key), BROKEN).error) }
    }

    /// Where the parts have another size, the ETag says nothing about ours.
    fn has_parts_of(&self, size: u64) -> Result<bool, Error> {
        let call = Call::new(Method::Head, Some(self.key)).query("partNumber", "1");
        let first = self.bucket.patiently(&Cancel::default(), |_| {
            let response = self.bucket.attempt(&call, &mut ())?;
            Ok(response.header("content-length").and_then(|length| length.parse::<u64>().ok()))
        });
        match first {
            Ok(first) => Ok(first == Some(size)),
            // Not every server knows parts once they are put together.
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn sum_of_file(&self, size: u64) -> Result<String, Error> {
        let (mut md5, mut position) = (Md5::new(), 0);
        let mut buffer = vec![0; PIECE];
        while position < size {
            let count = self.file.read_at(&mut buffer, position).map_err(|e| self.file_error(e))?;
            if count == 0 {
                return Err(self.file_error(io::ErrorKind::UnexpectedEof.into()));
            }
            md5.update(&buffer[..count]);
            position += count as u64;
        }
        Ok(encode::hex(&md5.finalize()))
    }

    fn file_error(&self, source: io::Error) -> Error {
        Error::File { key: self.key.to_owned(), source }
    }
}

struct First {
    head: Head,
    body: BodyReader,
    /// So that its ETag is no MD5.
    encrypted: bool,
}

/// Whether the store says that it encrypts the object in a way that makes its ETag no MD5, although it may look like one: with a key of
/// ours, or one of its KMS ("Object", ETag). With its own key (`AES256`) it is one.
fn is_encrypted(response: &Response) -> bool {
    response.header("x-amz-server-side-encryption-customer-algorithm").is_some()
        || response.header("x-amz-server-side-encryption").is_some_and(|it| it.trim().starts_with("aws:kms"))
}

const BROKEN: &str = "what came is not what was stored: its MD5 is not the ETag";
const REPLACED: &str = "it was replaced while it was fetched";

/// Whether fetching all of it again may help: another object has its name now, or it arrived broken.
fn is_replaced_or_broken(error: &Error) -> bool {
    match error {
        Error::Refused(it) => it.code != "NoSuchBucket" && matches!(it.status, 404 | 412 | 416),
        Error::Protocol { reason, .. } => reason == BROKEN || reason == REPLACED,
        _ => false,
    }
}

/// How the ETag can be compared with what came ("Object integrity", "ETag").
enum Check {
    /// It is no MD5, as with encryption by the store.
    Nothing,
    /// It is the MD5 of all.
    Whole,
    /// The same, but ranges come in any order.
    ReadAgain,
    /// It is made of the MD5s of as many parts as we would have made.
    Parts,
}

impl Check {
    fn new(etag: &str, count: u64, encrypted: bool) -> Check {
        let is_md5 = |text: &str| encode::unhex(text).is_some_and(|bytes| bytes.len() == 16);
        match etag.split_once('-') {
            _ if encrypted => Check::Nothing,
            None if is_md5(etag) && count <= 1 => Check::Whole,
            None if is_md5(etag) => Check::ReadAgain,
            Some((sum, parts)) if is_md5(sum) && parts == count.to_string() => Check::Parts,
            _ => Check::Nothing,
        }
    }

    fn needs_sums(&self) -> bool {
        matches!(self, Check::Whole | Check::Parts)
    }
}

type BodyReader = Box<dyn Read + Send>;

/// A range of the object as it arrives, however often the connection breaks.
struct Stretch<'a> {
    of: &'a Download<'a>,
    head: &'a Head,
    /// What is still to come.
    range: Range<u64>,
    /// Of this attempt at the whole object.
    received: &'a AtomicU64,
    cancel: &'a Cancel,
}

impl Stretch<'_> {
    /// Writes it into the file, and gives its MD5 if that is wanted.
    fn fetch(&mut self, mut body: Option<BodyReader>, with_sum: bool) -> Result<String, Error> {
        let mut md5 = with_sum.then(Md5::new);
        let mut buffer =
            vec![0; usize::try_from(self.range.end - self.range.start).unwrap_or(PIECE).min(PIECE)];
        self.of.bucket.patiently(self.cancel, |patience| {
            let (mut body, goes_on) = match body.take() {
                Some(body) => (body, self.range.end < self.head.size),
                None => (self.open()?, false),
            };
            while !self.range.is_empty() {
                if self.cancel.is_cancelled() {
                    return Err(Fault::last(Error::Cancelled));
                }
                let count = self.receive(&mut body, &mut buffer)?;
                patience.progress();
                if let Some(md5) = &mut md5 {
                    md5.update(&buffer[..count]);
                }
            }
            // The end has to be seen, so that the connection can be used again.
            if !goes_on {
                let _ = body.read(&mut [0]);
            }
            Ok(())
        })?;
        Ok(md5.map(|md5| encode::hex(&md5.finalize())).unwrap_or_default())
    }

    fn receive(&mut self, body: &mut BodyReader, buffer: &mut [u8]) -> Result<usize, Fault> {
        let wanted = usize::try_from(self.range.end - self.range.start).unwrap_or(PIECE).min(buffer.len());
        let count = loop {
            match body.read(&mut buffer[..wanted]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => return Err(self.cut(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => break count,
                Err(e) => return Err(self.cut(e)),
            }
        };
        let written = self.of.file.write_all_at(&buffer[..count], self.range.start);
        written.map_err(|e| Fault::last(self.of.file_error(e)))?;
        self.range.start += count as u64;
        for total in [self.received, self.of.received] {
            total.fetch_add(count as u64, Ordering::Relaxed);
        }
        Ok(count)
    }

    /// The rest of the range, of the very same object.
    fn open(&self) -> Result<BodyReader, Fault> {
        let Range { start, end } = self.range;
        let mut call = Call::new(Method::Get, Some(self.of.key)).with_sse();
        call = call.header("range", format!("bytes={start}-{}", end.saturating_sub(1)));
        if !self.head.etag.is_empty() {
            call = call.header("if-match", format!("\"{}\"", self.head.etag));
        }
        let response = self.of.bucket.attempt(&call, &mut ())?;
        let broken = |reason: String| self.of.bucket.protocol(Some(self.of.key), reason);
        // Not every server knows If-Match.
        if answers::etag(response.header("etag").unwrap_or_default()) != self.head.etag {
            return Err(broken(REPLACED.into()));
        }
        let wanted = format!("bytes {start}-{}/{}", end.saturating_sub(1), self.head.size);
        match response.header("content-range") {
            Some(range) if response.status == 206 && range.trim() == wanted => Ok(response.into_reader()),
            _ => Err(broken(format!("{wanted} was asked for, but something else came"))),
        }
    }

    fn cut(&self, error: io::Error) -> Fault {
        self.of.bucket.cut(Some(self.of.key), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_compared_where_they_are_md5s() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        let check = |etag: &str, count, encrypted| match Check::new(etag, count, encrypted) {
            Check::Nothing => "nothing",
            Check::Whole => "whole",
            Check::ReadAgain => "read again",
            Check::Parts => "parts",
        };
        assert_eq!(check(md5, 0, false), "whole");
        assert_eq!(check(md5, 1, false), "whole");
        assert_eq!(check(md5, 2, false), "read again");
        assert_eq!(check(&format!("{md5}-2"), 2, false), "parts");
        assert_eq!(check(&format!("{md5}-3"), 2, false), "nothing");
        assert_eq!(check(md5, 1, true), "nothing");
        assert_eq!(check("0x8D", 1, false), "nothing");
        assert_eq!(check("", 1, false), "nothing");
    }
}
