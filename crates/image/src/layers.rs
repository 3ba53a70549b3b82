//! Fetches the layers of an image, several at once: each is read once from its socket through hash, inflating and hash into its
//! folder, and gets its name only when both digests are right.

use crate::ahead::read_ahead;
use crate::compression::{Compression, decompress};
use crate::config::Config;
use crate::digest::{Digest, HashingReader};
use crate::manifest::{Descriptor, ImageManifest};
use crate::progress::{INTERVAL, Progress, size};
use crate::pull::{Cause, Fetched};
use crate::reference::Name;
use crate::registry::{Cancel, Places, RegistryError, THREAD_STACK};
use crate::store::{Partial, Resumed, Store};
use crate::unpack::{UnpackError, unpack, unpack_with_sums};
use rustix::fd::OwnedFd;
use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Bytes that are read from a connection and hashed at once.
const BUFFER: usize = 64 << 10;

/// How much larger a compressed layer is on the disk, as a rule at most.
const INFLATION: u64 = 3;

/// Why a layer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Not a layer, or encrypted.
    #[error("its media type {0:?} is not one that can be unpacked")]
    MediaType(String),
    /// It may not be distributed, so the registry does not have it.
    #[error("it is a foreign layer that the registry does not have; other sources ({0}) are not asked")]
    Foreign(String),
    /// The content is damaged or hostile; or the disk is full.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The compressed content is right, but not what is in it.
    #[error("once unpacked it has the digest {found}, but the configuration says {expected}")]
    DiffId {
        /// In the configuration.
        expected: Digest,
        /// Of the content.
        found: Digest,
    },
}

/// Where layers come from and where they go.
pub(crate) struct Fetch<'a> {
    pub(crate) store: &'a Store,
    pub(crate) places: &'a Places<'a>,
    pub(crate) cancel: &'a Cancel,
}

/// One layer to fetch.
#[derive(Clone, Copy)]
struct Job<'a> {
    layer: &'a Descriptor,
    diff_id: &'a Digest,
    compression: Compression,
}

impl Job<'_> {
    /// A guess, in bytes.
    fn unpacked_size(&self) -> u64 {
        match self.compression {
            Compression::None => self.layer.size,
            Compression::Gzip | Compression::Zstd => self.layer.size.saturating_mul(INFLATION),
        }
    }
}

impl Fetch<'_> {
    /// Brings all layers into the store that are not there yet. The manifest and the configuration name as many. If the disk is
    /// full, images that are not in use make room for them.
    pub(crate) fn layers(
        &self,
        name: &Name,
        manifest: &ImageManifest,
        config: &Config,
    ) -> Result<Fetched, Cause> {
        self.store.pin(manifest.layers.iter().map(|layer| &layer.digest).chain(&config.diff_ids));
        loop {
            let jobs = self.jobs(manifest, config)?;
            if jobs.is_empty() {
                log::info!("{name} needs no layer that is not in the store");
                return Ok(Fetched::default());
            }
            let packed = jobs.iter().fold(0u64, |sum, job| sum.saturating_add(job.layer.size));
            let unpacked = jobs.iter().fold(0u64, |sum, job| sum.saturating_add(job.unpacked_size()));
            self.store.make_room(packed, unpacked)?;
            let cause = match self.run(name, jobs, manifest.layers.len(), packed) {
                Err(cause) if cause.is_full() => cause,
                ended => return ended,
            };
            if !self.store.make_more_room()? {
                log::warn!("{cause}");
                return Err(self.store.no_room().into());
            }
            self.cancel.reset();
        }
    }

    /// What is not in the store, each once.
    fn jobs<'a>(&self, manifest: &'a ImageManifest, config: &'a Config) -> Result<Vec<Job<'a>>, Cause> {
        let mut seen = HashSet::new();
        manifest
            .layers
            .iter()
            .zip(&config.diff_ids)
            .filter(|(_, diff_id)| !self.store.has_layer(diff_id) && seen.insert(*diff_id))
            .map(|(layer, diff_id)| match Compression::from_media_type(&layer.media_type) {
                Some(compression) => Ok(Job { layer, diff_id, compression }),
                None => Err(failed(layer, LayerError::MediaType(layer.media_type.clone()))),
            })
            .collect()
    }

    fn run(&self, name: &Name, mut jobs: Vec<Job<'_>>, layers: usize, packed: u64) -> Result<Fetched, Cause> {
        // The largest first: the threads then end at about the same time. They are taken from the end.
        jobs.sort_by_key(|job| job.layer.size);
        let fetched = jobs.len();
        let progress = Progress::new(packed);
        self.all(name, jobs, &progress)?;
        let reused = layers - fetched;
        log::info!("Pulled {name}: {}, layers: {fetched} fetched, {reused} reused", progress.summary());
        Ok(Fetched { bytes: progress.received(), layers: fetched })
    }

    fn all(&self, name: &Name, jobs: Vec<Job<'_>>, progress: &Progress) -> Result<(), Cause> {
        let threads = thread_count().min(jobs.len());
        let jobs = Mutex::new(jobs);
        let take = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop();
        std::thread::scope(|scope| {
            let (report, reports) = mpsc::channel();
            for number in 0..threads {
                let report = report.clone();
                let work = move || {
                    while let Some(job) = take() {
                        let fetched = self.layer(job, progress);
                        // Nobody listens any more once another layer has failed.
                        let _ = report.send(fetched);
                    }
                };
                let spawned = std::thread::Builder::new().stack_size(THREAD_STACK).spawn_scoped(scope, work);
                match spawned {
                    Err(e) if number == 0 => return Err(Cause::Thread(e)),
                    // Fewer threads will do.
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            drop(report);
            self.wait(name, &reports, progress)
        })
    }

    /// Until all threads are done. The first failure ends them all, and is the one that is told.
    fn wait(
        &self,
        name: &Name,
        reports: &mpsc::Receiver<Result<(), Cause>>,
        progress: &Progress,
    ) -> Result<(), Cause> {
        let mut before = 0;
        let mut next_line = Instant::now() + INTERVAL;
        loop {
            match reports.recv_timeout(next_line.saturating_duration_since(Instant::now())) {
                Ok(Ok(())) => {}
                Ok(Err(cause)) => {
                    self.cancel.cancel();
                    return Err(cause);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    log::info!("Pulling {name}: {}", progress.line(before));
                    before = progress.received();
                    next_line += INTERVAL;
                }
            }
        }
    }

    /// One layer. If it comes corrupted, it is fetched a second time: a proxy may have had a bad day.
    fn layer(&self, job: Job<'_>, progress: &Progress) -> Result<(), Cause> {
        let Err(found) = self.try_layer(job, progress)? else { return Ok(()) };
        let expected = &job.layer.digest;
        log::warn!("Layer {expected} came corrupted (digest {found}); fetching it again");
        self.places.distrust_mirrors();
        match self.try_layer(job, progress)? {
            Ok(()) => Ok(()),
            Err(found) => Err(Cause::Digest { what: "layer", expected: expected.clone(), found }),
        }
    }

    /// The inner error is the digest of what came instead.
    fn try_layer(&self, job: Job<'_>, progress: &Progress) -> Result<Result<(), Digest>, Cause> {
        let Job { layer, diff_id, .. } = job;
        let staged = self.store.stage_layer()?;
        let partial = self.store.partial(&layer.digest, layer.size);
        let kept = partial.as_ref().map_or(0, Partial::kept);
        if kept > 0 {
            progress.skip(kept);
            log::info!("Of the layer {}, {} are there already", layer.digest, size(kept));
        }
        let mut blob = self.places.blob(&layer.digest, layer.size, &progress.received).starting_at(kept);
        let mut source = Resumed::new(partial, &mut blob);
        let (found, unpacked) = self.read(job, &mut source, staged.folder());
        let partial = source.into_partial();
        let unpacked = match unpacked {
            Err(e) if e.is_full() => return Err(failed(layer, e.into())),
            unpacked => unpacked,
        };
        if let Some(failure) = blob.take_failure() {
            return Err(missing(layer, failure));
        }
        let fetched = blob.position() - kept;
        if found == layer.digest && unpacked.as_ref().is_ok_and(|found| found == diff_id) {
            staged.commit(diff_id)?;
        }
        // Whatever it is, it was read to its end.
        if let Some(partial) = partial {
            partial.discard();
        }
        if found != layer.digest {
            progress.take_back(fetched, kept);
            return Ok(Err(found));
        }
        let found = unpacked.map_err(|e| failed(layer, e.into()))?;
        if found != *diff_id {
            return Err(failed(layer, LayerError::DiffId { expected: diff_id.clone(), found }));
        }
        Ok(Ok(()))
    }

    /// Reads a layer to its end, and unpacks it. Gives the digests of what was read and of what was unpacked.
    fn read(
        &self,
        job: Job<'_>,
        source: impl Read + Send,
        folder: &OwnedFd,
    ) -> (Digest, Result<Digest, UnpackError>) {
        let mut packed = HashingReader::new(source, job.layer.digest.algorithm());
        let mut unpacked = self.unpack(&mut packed, job, folder);
        // What is corrupted mostly fails while it is unpacked. Whether it is, or the image itself is wrong, the digest tells.
        if !matches!(&unpacked, Err(e) if e.is_full())
            && let Err(e) = io::copy(&mut packed, &mut io::sink())
        {
            unpacked = Err(UnpackError::Read(e));
        }
        (packed.finish(), unpacked)
    }

    /// Gives the digest of what was unpacked.
    fn unpack(
        &self,
        packed: impl Read + Send,
        job: Job<'_>,
        folder: &OwnedFd,
    ) -> Result<Digest, UnpackError> {
        let packed = BufReader::with_capacity(BUFFER, packed);
        let plain = decompress(packed, job.compression).map_err(UnpackError::Read)?;
        let unpacked = read_ahead(plain, |plain| {
            let mut hashed = HashingReader::new(plain, job.diff_id.algorithm());
            match self.store.is_on_disk() {
                true => unpack_with_sums(&mut hashed, folder)?,
                false => unpack(&mut hashed, folder)?,
            }
            Ok(hashed.finish())
        });
        unpacked.map_err(UnpackError::Read)?
    }
}

/// One per processor; two at least, so that one can inflate while the other waits for the network; not more than four, for each needs
/// memory.
fn thread_count() -> usize {
    std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 4))
}

fn failed(layer: &Descriptor, error: LayerError) -> Cause {
    Cause::Layer { digest: layer.digest.clone(), error: Box::new(error) }
}

fn missing(layer: &Descriptor, failure: RegistryError) -> Cause {
    match (&layer.urls, failure) {
        (Some(urls), RegistryError::NotFound { .. }) if !urls.is_empty() => {
            failed(layer, LayerError::Foreign(urls.join(", ").chars().take(300).collect()))
        }
        (_, failure) => Cause::Registry(failure),
    }
}
