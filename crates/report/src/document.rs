//! What the document holds. The names of the fields are those in the JSON.

#[cfg(feature = "read")]
use serde::Deserialize;
use serde::Serialize;

/// Milliseconds; a moment is that since the kernel's start.
pub type Millis = u64;

/// The whole.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Document {
    /// [`SCHEMA`](crate::SCHEMA).
    pub schema: u32,
    /// As in the status line.
    pub status: u8,
    /// What failed first; empty if nothing did.
    pub failed_by: String,
    /// How the machine is to end.
    pub shutdown_mode: ShutdownMode,
    /// When the document was made.
    pub duration_ms: Millis,
    /// The same by the machine's clock, in seconds since 1970; a clock that nobody set is wrong.
    pub unix_time: u64,
    /// What ran it.
    pub machine: Machine,
    /// The texts that options were read from, without their secrets; the kernel command line is the first.
    pub options: Vec<String>,
    /// In their order. One ends where the next begins.
    pub stages: Vec<Stage>,
    /// In the order of their creation.
    pub containers: Vec<Container>,
    /// In the order of their ends.
    pub transfers: Vec<Transfer>,
    /// What was red on the console.
    pub errors: Vec<Message>,
    /// What was a warning there.
    pub warnings: Vec<Message>,
    /// What there was no room for.
    pub left_out: LeftOut,
}

/// `B2C_PIPELINE_SHUTDOWN_MODE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum ShutdownMode {
    /// No container asked for anything.
    #[default]
    Default,
    /// To start again.
    Reboot,
    /// To switch it off.
    PowerOff,
}

/// Where it ran.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Machine {
    /// As `uname -m` has it.
    pub architecture: String,
    /// The kernel's release.
    pub kernel: String,
    /// The version of boot2container.
    pub b2c: String,
    /// Its name.
    pub hostname: String,
    /// How many processors.
    pub cpus: usize,
    /// Bytes that the kernel has.
    pub memory: u64,
}

/// A section of the console.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Stage {
    /// The section's name, such as `connect`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// When it began.
    pub start_ms: Millis,
    /// How long it was.
    pub duration_ms: Millis,
}

/// What a container was to the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `b2c.run`.
    #[default]
    Step,
    /// `b2c.run_post`.
    Post,
    /// `b2c.run_service`.
    Service,
}

/// A container line that was run, or was to be.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Container {
    /// Which option it stood in.
    pub kind: Kind,
    /// Without its passwords.
    pub line: String,
    /// The image's name in full; none if the line was not understood.
    pub image: Option<String>,
    /// Of the manifest that was run; none if the image could not be had.
    pub digest: Option<String>,
    /// What had to be fetched.
    pub bytes_pulled: u64,
    /// Layers that had to be fetched.
    pub layers_pulled: usize,
    /// Layers that were there.
    pub layers_cached: usize,
    /// When its creation began.
    pub created_ms: Millis,
    /// When it was started; none if it never was.
    pub started_ms: Option<Millis>,
    /// When it had ended, or had failed to start; none while it ran.
    pub ended_ms: Option<Millis>,
    /// As podman has it; none while it ran, or if it could not be created.
    pub exit_code: Option<u8>,
    /// Why it was not run.
    pub error: Option<String>,
}

/// A volume and its bucket, made equal.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Transfer {
    /// The volume's name.
    pub volume: String,
    /// `pulled`, `pushed`, or `mirrored` for what goes on all the time.
    pub direction: String,
    /// As `pull_on` and `push_on` name it.
    pub moment: String,
    /// When it began.
    pub start_ms: Millis,
    /// How long it was.
    pub duration_ms: Millis,
    /// Files that were transferred.
    pub files: u64,
    /// Bytes that were.
    pub bytes: u64,
    /// Files or objects that were deleted at the destination.
    pub removed: u64,
    /// Why not all was done.
    pub error: Option<String>,
}

/// A line of the console.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct Message {
    /// When it was said first.
    pub at_ms: Millis,
    /// Without time and colour.
    pub text: String,
    /// How often it was said.
    pub count: u64,
}

/// How many entries of each list were left out, because a document has bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "read", derive(Deserialize))]
pub struct LeftOut {
    /// Of `stages`.
    pub stages: u64,
    /// Of `containers`.
    pub containers: u64,
    /// Of `transfers`.
    pub transfers: u64,
    /// Of `errors`.
    pub errors: u64,
    /// Of `warnings`.
    pub warnings: u64,
}
