//! A cpio archive from a web server, kept in the store as an image of one layer: what mounts, checks and removes images then serves archives, too.

use crate::Platform;
use crate::digest::{Algorithm, Digest, HashingReader};
use crate::progress::{INTERVAL, Progress, size};
use crate::pull::{Fetched, Image, into_image};
use crate::store::{Record, Store, StoreError, StoredImage};
use crate::unpack::{UnpackError, unpack_initramfs};
use net::http::{self, Client, Request, Response};
use net::patience::{Again, Limits, Patience, Verdict};
use serde_json::json;
use std::io::{BufReader, Read};
use std::time::Instant;

/// Bytes that are read from a connection and hashed at once.
const BUFFER: usize = 64 << 10;
/// How much larger an archive is when it is unpacked, as a rule at most.
const INFLATION: u64 = 3;
/// Of the image's configuration: what the server calls this version of the archive (RFC 9110 §8.8.3).
const ETAG: &str = "etag";
/// Longer ones are not worth keeping.
const MAX_ETAG: usize = 1024;

/// Where an archive is, and what of it is used.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    /// `http://` or `https://`.
    pub url: &'a str,
    /// What it has to hash to. Without one, the server is asked each time whether it has another one by now.
    pub digest: Option<&'a Digest>,
    /// `false` accepts any certificate.
    pub tls_verify: bool,
    /// Folders, such as `lib/modules`: nothing else is unpacked.
    pub wanted: &'a [&'a str],
}

/// An archive cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The server did not give it.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// It gave something else.
    #[error("{url}: the server answers with status {status}")]
    Status {
        /// Where it was asked for, without secrets.
        url: String,
        /// For example 404.
        status: u16,
        /// Whether it may give it later.
        again: Again,
    },
    /// The connection broke while it was read.
    #[error("the connection broke: {0}")]
    Cut(UnpackError),
    /// It is damaged or hostile; or the disk is full.
    #[error(transparent)]
    Unpack(UnpackError),
    /// It is another one.
    #[error("it has the digest {found}, but {expected} is asked for")]
    Digest {
        /// As asked for.
        expected: Digest,
        /// Of what came.
        found: Digest,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not come up, or does not get any further.
    #[error("given up, for nothing more came in {seconds} s: {last}")]
    GaveUp {
        /// Since the last byte that had not come before.
        seconds: u64,
        /// What happened last.
        last: Box<ArchiveError>,
    },
}

impl ArchiveError {
    fn again(&self) -> Again {
        match self {
            ArchiveError::Http(error) => error.again(),
            ArchiveError::Status { again, .. } => *again,
            ArchiveError::Cut(_) => Again::Soon,
            _ => Again::Never,
        }
    }

    fn is_full(&self) -> bool {
        matches!(self, ArchiveError::Unpack(error) if error.is_full())
    }

    /// Whether nobody said that the archive is not to be had.
    fn is_silence(&self) -> bool {
        matches!(self, ArchiveError::GaveUp { .. }) || self.again() != Again::Never
    }
}

/// Makes sure that the store has the archive. If the server does not answer, what it had the last time will do, as with images.
///
/// # Errors
/// When it is not to be had, or not what it has to be.
pub fn fetch(store: &Store, client: &Client, archive: &Archive<'_>) -> Result<Image, ArchiveError> {
    fetch_within(store, client, archive, Limits::default())
}

/// As [`fetch`], with other limits to the patience with the server.
///
/// # Errors
/// The same.
pub fn fetch_within(
    store: &Store,
    client: &Client,
    archive: &Archive<'_>,
    limits: Limits,
) -> Result<Image, ArchiveError> {
    let (reference, platform) = (archive.reference(), Platform::host());
    let fetch = Fetch { store, client, archive, reference, platform, limits };
    let stored = fetch.image()?;
    // A lone layer is never none.
    into_image(store, stored).map_err(|_| ArchiveError::Unpack(UnpackError::Damaged("it holds nothing")))
}

impl Archive<'_> {
    /// For the store's records: without secrets, but with what tells it apart from others.
    fn reference(&self) -> String {
        match self.digest {
            Some(digest) => format!("archive {digest}"),
            None => {
                format!("{} {}", http::shown(self.url), Digest::of(Algorithm::Sha256, self.url.as_bytes()))
            }
        }
    }
}

struct Fetch<'a> {
    store: &'a Store,
    client: &'a Client,
    archive: &'a Archive<'a>,
    reference: String,
    platform: Platform,
    limits: Limits,
}

impl Fetch<'_> {
    fn image(&self) -> Result<StoredImage, ArchiveError> {
        let record = self.store.record(&self.reference, &self.platform);
        let stored = record.as_ref().and_then(|record| self.store.image(&record.manifest));
        let Some((record, stored)) = record.zip(stored) else {
            return self.patiently(self.limits, None);
        };
        self.store.touch(&record);
        let shown = http::shown(self.archive.url);
        if self.archive.digest.is_some() {
            log::info!("{shown} is in the store");
            return Ok(stored);
        }
        match self.patiently(self.limits.for_question(), Some(&stored)) {
            Err(error) if error.is_silence() => {
                log::warn!("{shown} is taken from the store: {error}");
                Ok(stored)
            }
            fetched => fetched,
        }
    }

    /// Asks as often as is worth it.
    fn patiently(&self, limits: Limits, stored: Option<&StoredImage>) -> Result<StoredImage, ArchiveError> {
        let mut patience = Patience::new(limits, self.client.cancel());
        let mut most = 0;
        loop {
            let mut received = 0;
            let fetched = self.once(stored, &mut received);
            // Only what did not come before: whoever always breaks off at the same byte is not asked for ever.
            if received > most {
                most = received;
                patience.progress();
            }
            let error = match fetched {
                Err(error) if error.is_full() && self.store.make_more_room()? => continue,
                Err(error) if error.is_full() => return Err(self.store.no_room().into()),
                Err(error) => error,
                fetched => return fetched,
            };
            match patience.judge(error.again()) {
                Verdict::Fail => return Err(error),
                Verdict::GiveUp(silence) => {
                    return Err(ArchiveError::GaveUp { seconds: silence.as_secs(), last: Box::new(error) });
                }
                Verdict::Wait(pause) => {
                    log::warn!("{error}; trying again in {:.1} s", pause.as_secs_f32());
                    patience.sleep(pause);
                }
            }
        }
    }

    /// Fetches it, unless `stored` is what the server still has. `received` counts the bytes that came.
    fn once(&self, stored: Option<&StoredImage>, received: &mut u64) -> Result<StoredImage, ArchiveError> {
        let mut request = Request::get(self.archive.url).tls_verify(self.archive.tls_verify);
        let known = stored.and_then(|stored| Some((stored, stored.config.run.labels.get(ETAG)?)));
        if let Some((_, etag)) = known {
            request = request.header("If-None-Match", etag);
        }
        let response = self.client.send(&request)?;
        match (response.status, known) {
            (200, _) => self.unpack(response, received),
            (304, Some((stored, _))) => {
                log::info!("{} is up to date in the store", response.url);
                let (digest, config) = (stored.digest.clone(), stored.config.clone());
                Ok(StoredImage { digest, config, fetched: Fetched::default() })
            }
            (status, _) => {
                let again = response.again();
                Err(ArchiveError::Status { url: response.url, status, again })
            }
        }
    }

    fn unpack(&self, response: Response, received: &mut u64) -> Result<StoredImage, ArchiveError> {
        let length = response.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        self.store.make_room(length, length.saturating_mul(INFLATION))?;
        let etag = response.header(ETAG).filter(|etag| etag.len() <= MAX_ETAG).map(str::to_owned);
        let url = response.url.clone();
        let staged = self.store.stage_layer()?;
        let mut source = Received::new(&url, length, response.into_reader());
        let mut hashed = HashingReader::new(&mut source, Algorithm::Sha256);
        let reader = BufReader::with_capacity(BUFFER, &mut hashed);
        let unpacked =
            unpack_initramfs(reader, staged.folder(), self.archive.wanted, self.store.is_on_disk());
        let found = hashed.finish();
        *received = source.progress.received();
        unpacked.map_err(if source.is_cut { ArchiveError::Cut } else { ArchiveError::Unpack })?;
        if let Some(expected) = self.archive.digest.filter(|expected| **expected != found) {
            return Err(ArchiveError::Digest { expected: expected.clone(), found });
        }
        log::info!("Fetched {url}: {}", source.progress.summary());
        self.store.pin([&found]);
        staged.commit(&found)?;
        self.record(&found, source.progress.received(), etag)
    }

    /// Writes an image around the layer, and what the archive is now.
    fn record(&self, layer: &Digest, bytes: u64, etag: Option<String>) -> Result<StoredImage, ArchiveError> {
        let labels = etag.map_or_else(|| json!({}), |etag| json!({ ETAG: etag }));
        let config = json!({
            "os": "linux", "architecture": "", "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [layer]},
        })
        .to_string();
        let config_digest = Digest::of(Algorithm::Sha256, config.as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
            "layers": [{"mediaType": "application/x-cpio", "digest": layer, "size": bytes}],
        })
        .to_string();
        let digest = Digest::of(Algorithm::Sha256, manifest.as_bytes());
        self.store.make_slack()?;
        self.store.put_blob(&config_digest, config.as_bytes())?;
        self.store.put_blob(&digest, manifest.as_bytes())?;
        self.store.put_record(&Record {
            reference: self.reference.clone(),
            platform: self.platform.to_string(),
            resolved: digest.clone(),
            manifest: digest.clone(),
        })?;
        // It was written just now; who takes it away in between has damaged the store.
        let stored = self.store.image(&digest);
        let stored = stored.ok_or(ArchiveError::Unpack(UnpackError::Damaged("the store has lost it")))?;
        Ok(StoredImage { fetched: Fetched { bytes, layers: 1 }, ..stored })
    }
}

/// The body of an answer: says from time to time that it comes, and remembers whether it was the connection that failed.
struct Received<R> {
    url: String,
    length: u64,
    inner: R,
    progress: Progress,
    next_line: Instant,
    at_last_line: u64,
    is_cut: bool,
}

impl<R: Read> Received<R> {
    fn new(url: &str, length: u64, inner: R) -> Self {
        let (progress, next_line) = (Progress::new(length), Instant::now() + INTERVAL);
        Self { url: url.to_owned(), length, inner, progress, next_line, at_last_line: 0, is_cut: false }
    }

    fn tell(&mut self) {
        let received = self.progress.received();
        match self.length {
            0 => log::info!("Fetching {}: {}", self.url, size(received)),
            _ => log::info!("Fetching {}: {}", self.url, self.progress.line(self.at_last_line)),
        }
        self.at_last_line = received;
        self.next_line += INTERVAL;
    }
}

impl<R: Read> Read for Received<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buf);
        match &read {
            Ok(count) => self.progress.add(*count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.is_cut = true,
        }
        if Instant::now() >= self.next_line {
            self.tell();
        }
        read
    }
}
