//! A drive whose power can be cut, with a write cache that forgets. QEMU reaches it over NBD.

mod medium;
mod nbd;

pub use medium::Losses;

use fastrand::Rng;
use medium::Medium;
use nbd::{Order, Request};
use rustix::net::Shutdown;
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Signal, kill_process};
use std::fs::File;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use tempfile::TempDir;

/// What a drive does with what is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCache {
    /// It is written down at once; only the write that is under way when the power is cut may be lost or torn.
    None,
    /// It may be lost or torn until the computer has flushed the drive.
    Writeback,
}

/// A virtio disk that one machine after the other can have. Its size is a multiple of 512 bytes, its image a sparse file.
#[derive(Debug)]
pub struct Drive {
    folder: TempDir,
    listener: UnixListener,
    cache: WriteCache,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    size: u64,
    cache: WriteCache,
    state: Mutex<State>,
    detached: Condvar,
}

#[derive(Debug)]
struct State {
    medium: Medium,
    attached: bool,
    /// Requests of this machine that were not for reading.
    requests: u64,
    fuse: Option<Fuse>,
    losses: Option<Losses>,
}

/// Where the power is going to be cut.
#[derive(Debug)]
struct Fuse {
    request: u64,
    seed: u64,
}

impl Drive {
    /// Empty, of that many bytes.
    pub fn new(size: u64, cache: WriteCache) -> Self {
        let folder = folder();
        File::create(image(&folder)).unwrap().set_len(size).unwrap();
        Self::serve(folder, cache)
    }

    /// With the contents of that image file.
    pub fn of(contents: &Path, cache: WriteCache) -> Self {
        let folder = folder();
        copy(contents, &image(&folder));
        Self::serve(folder, cache)
    }

    /// Another drive with what is in this one's [`Drive::image`].
    pub fn copy(&self, cache: WriteCache) -> Self {
        Self::of(&self.image(), cache)
    }

    fn serve(folder: TempDir, cache: WriteCache) -> Self {
        let image = File::options().read(true).write(true).open(image(&folder)).unwrap();
        let size = image.metadata().unwrap().len();
        let listener = UnixListener::bind(socket(&folder)).unwrap();
        let state =
            State { medium: Medium::new(image), attached: false, requests: 0, fuse: None, losses: None };
        let shared = Arc::new(Shared { size, cache, state: Mutex::new(state), detached: Condvar::new() });
        let (server, incoming) = (Arc::clone(&shared), listener.try_clone().unwrap());
        thread::spawn(move || {
            // The listener is shut down with the drive.
            while let Ok((client, _)) = incoming.accept() {
                server.attach(client);
            }
        });
        Self { folder, listener, cache, shared }
    }

    /// Cuts the power of the next machine at its `request`-th request, from 1, that is a write, a discard or a flush. The request is
    /// not answered; QEMU is killed; `seed` decides what of the unflushed is lost.
    pub fn cut_at(&self, request: u64, seed: u64) {
        let mut state = self.shared.state();
        state.fuse = Some(Fuse { request, seed });
        state.losses = None;
    }

    /// Cuts the power now. QEMU has to be at its end: this waits until it has let go of the drive.
    pub fn cut(&self, seed: u64) -> Losses {
        let state = self.shared.state();
        let mut state = self.shared.detached.wait_while(state, |state| state.attached).unwrap();
        state.cut(seed)
    }

    /// What was lost when the power was cut last; `None` if it was not, since [`Drive::cut_at`].
    pub fn losses(&self) -> Option<Losses> {
        self.shared.state().losses
    }

    /// How many requests [`Drive::cut_at`] would have counted for this machine so far.
    pub fn requests(&self) -> u64 {
        self.shared.state().requests
    }

    /// The image file, for tools that look at it while no machine has the drive. What waits in the cache is written down.
    pub fn image(&self) -> PathBuf {
        let state = self.shared.state();
        let mut state = self.shared.detached.wait_while(state, |state| state.attached).unwrap();
        state.medium.flush().unwrap();
        image(&self.folder)
    }

    /// Copies the image file to `path`, with its holes.
    pub fn save(&self, path: &Path) {
        copy(&self.image(), path);
    }

    /// QEMU's arguments for it, as a device with that ID.
    pub(crate) fn arguments(&self, id: &str) -> [String; 4] {
        let path = socket(&self.folder).display().to_string().replace(',', ",,");
        let backend = format!("driver=nbd,node-name={id},server.type=unix,server.path={path},discard=unmap");
        let write_cache = if self.cache == WriteCache::None { "off" } else { "on" };
        let device = format!("virtio-blk-pci,drive={id},write-cache={write_cache}");
        ["-blockdev".into(), backend, "-device".into(), device]
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        // Wakes the server, which then ends; the machine, if there is one, keeps it until its own end.
        let _ = rustix::net::shutdown(&self.listener, Shutdown::Both);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Serves one machine to its end.
    fn attach(&self, mut client: UnixStream) {
        {
            let mut state = self.state();
            state.attached = true;
            state.requests = 0;
        }
        // A machine ends at any time, in the middle of a request too.
        let _ = self.answer(&mut client);
        self.state().attached = false;
        self.detached.notify_all();
    }

    fn answer(&self, client: &mut UnixStream) -> io::Result<()> {
        if !nbd::negotiate(client, self.size, self.cache != WriteCache::None)? {
            return Ok(());
        }
        while let Some(Request { handle, order }) = nbd::next(client, self.size)? {
            let mut state = self.state();
            let Some(bytes) = state.obey(order, self.cache)? else {
                let machine = socket_peercred(&*client)?;
                kill_process(machine.pid, Signal::KILL)?;
                return Ok(());
            };
            drop(state);
            nbd::done(client, handle, &bytes)?;
        }
        Ok(())
    }
}

impl State {
    /// Does what a machine wants; gives what it reads. `None`: the power has been cut meanwhile.
    fn obey(&mut self, order: Order, cache: WriteCache) -> io::Result<Option<Vec<u8>>> {
        let (flush, through) = match order {
            Order::Read(range) => return self.medium.read(&range).map(Some),
            Order::Write { start, bytes, through } => {
                self.medium.write(start, bytes);
                (false, through)
            }
            Order::Zero { range, through } => {
                self.medium.zero(range);
                (false, through)
            }
            Order::Flush => (true, false),
        };
        self.requests += 1;
        if let Some(fuse) = self.fuse.take_if(|fuse| fuse.request <= self.requests) {
            self.cut(fuse.seed);
            return Ok(None);
        }
        if flush || cache == WriteCache::None {
            self.medium.flush()?;
        } else if through {
            self.medium.flush_newest()?;
        }
        Ok(Some(Vec::new()))
    }

    fn cut(&mut self, seed: u64) -> Losses {
        let losses = self.medium.cut(&mut Rng::with_seed(seed)).unwrap();
        self.losses = Some(losses);
        losses
    }
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("b2c-drive").tempdir().unwrap()
}

fn image(folder: &TempDir) -> PathBuf {
    folder.path().join("image")
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("nbd")
}

/// Copies a file and its holes.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("--sparse=always").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cannot copy {}", from.display());
}
