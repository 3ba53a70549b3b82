//! The system calls that no safe library wraps. Each function is one call; all `unsafe` of the runtime's set-up is here.

use rustix::io::Errno;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{io, mem, ptr};

/// What a raw system call returned, as a result.
fn checked(returned: c_long) -> io::Result<c_long> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// Which of two processes this is.
pub(super) enum Fork {
    /// The new one.
    Child,
    /// The old one: the child's ID and a descriptor of it.
    Parent {
        /// As the caller's PID namespace numbers it.
        pid: i32,
        /// See pidfd_open(2).
        pidfd: OwnedFd,
    },
}

/// `struct clone_args` of linux/sched.h, version 2 (with `cgroup`, Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `CLONE_INTO_CGROUP` (linux/sched.h).
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// fork(2), into new namespaces and straight into a cgroup: clone3(2).
///
/// The caller must have one thread only, as a copy of it is all that lives on in the child.
pub(super) fn fork(namespaces: u64, cgroup: BorrowedFd<'_>) -> io::Result<Fork> {
    let mut pidfd: RawFd = -1;
    let mut args = CloneArgs {
        flags: namespaces | libc::CLONE_PIDFD as u64 | CLONE_INTO_CGROUP,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        cgroup: u64::from(cgroup.as_raw_fd().cast_unsigned()),
        ..CloneArgs::default()
    };
    // SAFETY: `args` is a valid clone_args of the size given. Without CLONE_VM the child has its own copy of the memory and the stack,
    // as after fork(2); the process has a single thread, so no lock can be held by a thread that the child lacks.
    let pid = checked(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<CloneArgs>()) })?;
    if pid == 0 {
        return Ok(Fork::Child);
    }
    // SAFETY: the kernel stored a new descriptor there, which nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Fork::Parent { pid: i32::try_from(pid).unwrap_or(-1), pidfd })
}

/// fork(2) without anything new. For a process under the default system call filter, which has no clone3(2). The caller must have one
/// thread only. Returns 0 in the child.
pub(super) fn plain_fork() -> io::Result<i32> {
    // SAFETY: the process has a single thread, so the child lacks none that could hold a lock.
    let pid = unsafe { libc::fork() };
    checked(c_long::from(pid)).map(|_| pid)
}

/// Adds attributes to a detached mount: mount_setattr(2), Linux 5.12.
pub(super) fn set_mount_attributes(mount: BorrowedFd<'_>, attributes: u64) -> Result<(), Errno> {
    // `struct mount_attr` of linux/mount.h: set, clear, propagation, user namespace.
    let change = [attributes, 0, 0, 0];
    // SAFETY: the path is empty, and the change has the layout and size of struct mount_attr, which the call only reads.
    let changed = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            change.as_ptr(),
            size_of_val(&change),
        )
    };
    checked(changed).map(drop).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
}

/// Gives this process a session key ring of its own: keyctl(2), `KEYCTL_JOIN_SESSION_KEYRING`.
pub(super) fn join_new_session_keyring() -> io::Result<()> {
    // SAFETY: a null name asks for an anonymous one.
    let joined =
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, ptr::null::<c_char>()) };
    checked(joined).map(drop)
}

/// Ends this process at once: nothing is flushed, no destructor runs.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on.
///
/// # Safety
/// No `OwnedFd` of such a number may be used or dropped afterwards.
pub(super) unsafe fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the caller promises that nobody owns these descriptors.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Marks every descriptor from `first` on close-on-exec (Linux 5.11).
pub(super) fn cloexec_from(first: u32) -> io::Result<()> {
    // SAFETY: setting flags of descriptors invalidates none of them.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })
        .map(drop)
}

/// Moves this process to new namespaces: unshare(2), for namespaces only.
pub(super) fn unshare_cgroup_namespace() -> io::Result<()> {
    // SAFETY: CLONE_NEWCGROUP shares or unshares no memory and no descriptor table.
    checked(c_long::from(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) })).map(drop)
}

/// setrlimit(2) with 64 bits on every architecture.
pub(super) fn set_resource_limit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = [soft, hard];
    // SAFETY: `limit` is laid out as struct rlimit64, which the call only reads.
    checked(unsafe {
        libc::syscall(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), ptr::null_mut::<c_void>())
    })
    .map(drop)
}

/// Sends any signal, real-time ones included, to a process.
pub(super) fn send_signal(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: a null siginfo_t is allowed, the kernel then fills in that of kill(2).
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, ptr::null_mut::<c_void>(), 0)
    };
    checked(sent).map(drop)
}

/// Gives every signal its default action and unblocks all: an ignored or blocked signal would stay so across execve(2).
pub(super) fn reset_signals() {
    // The kernel's struct sigaction: whatever its fields are, all zero is SIG_DFL without flags. The C library's function would leave
    // out the two signals that it keeps for itself.
    let default = [0_u64; 4];
    // SAFETY: the action is longer than the kernel's structure and runs no code of ours; numbers that cannot be changed give EINVAL,
    // which is as wished. The set is initialised before it is used.
    unsafe {
        for signal in 1..=64 {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<c_void>(),
                size_of::<u64>(),
            );
        }
        let mut none = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Blocks every signal, so that they can be waited for.
pub(super) fn block_signals() {
    // SAFETY: the set is initialised before it is used.
    unsafe {
        let mut all = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
    }
}

/// Takes the next signal off the queue, waiting for one: [`block_signals`] came first.
pub(super) fn next_signal() -> io::Result<i32> {
    // SAFETY: the set is initialised before it is used, a null siginfo_t is allowed.
    let signal = unsafe {
        let mut all = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigwaitinfo(&raw const all, ptr::null_mut())
    };
    checked(c_long::from(signal)).map(|_| signal)
}

/// kill(2).
pub(super) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: sending a signal to another process touches no memory of this one.
    checked(c_long::from(unsafe { libc::kill(pid, signal) })).map(drop)
}

/// execve(2); returns only when it fails.
pub(super) fn execute(path: &CStr, args: &StringArray, env: &StringArray) -> Errno {
    // SAFETY: both arrays end in a null pointer and point at strings that live as long as they do.
    unsafe { libc::execve(path.as_ptr(), args.pointers.as_ptr(), env.pointers.as_ptr()) };
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// Strings in the form that execve(2) takes.
pub(super) struct StringArray {
    pointers: Vec<*const c_char>,
    _strings: Vec<std::ffi::CString>,
}

impl StringArray {
    /// Fails when a string holds a NUL byte.
    pub(super) fn new(strings: &[String]) -> Result<Self, std::ffi::NulError> {
        let strings: Vec<_> =
            strings.iter().map(|s| std::ffi::CString::new(s.as_str())).collect::<Result<_, _>>()?;
        let pointers = strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect();
        Ok(Self { pointers, _strings: strings })
    }
}

/// One instruction of classic BPF: `struct sock_filter` (linux/filter.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SockFilter {
    pub(super) code: u16,
    pub(super) jt: u8,
    pub(super) jf: u8,
    pub(super) k: u32,
}

/// Filters the system calls of this process and its children from now on: seccomp(2), `SECCOMP_SET_MODE_FILTER`.
pub(super) fn load_system_call_filter(program: &[SockFilter]) -> io::Result<()> {
    /// `struct sock_fprog`.
    #[repr(C)]
    struct Program {
        length: u16,
        filter: *const SockFilter,
    }
    let length = u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?;
    let program = Program { length, filter: program.as_ptr() };
    // SAFETY: `program` describes a slice that outlives the call; the kernel copies it.
    let loaded =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    checked(loaded).map(drop)
}

/// Loads a cgroup device program: bpf(2), `BPF_PROG_LOAD`.
pub(super) fn load_device_program(instructions: &[u64]) -> io::Result<OwnedFd> {
    /// The first fields of `union bpf_attr` for this command; the rest are zero.
    #[repr(C)]
    struct Load {
        kind: u32,
        instruction_count: u32,
        instructions: u64,
        license: u64,
        zero: [u64; 3],
    }
    const BPF_PROG_LOAD: c_int = 5;
    const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
    let attributes = Load {
        kind: BPF_PROG_TYPE_CGROUP_DEVICE,
        instruction_count: u32::try_from(instructions.len()).map_err(|_| Errno::TOOBIG)?,
        instructions: instructions.as_ptr() as u64,
        license: c"MIT".as_ptr() as u64,
        zero: [0; 3],
    };
    // SAFETY: the attributes have the size given and point at memory that outlives the call.
    let fd = checked(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attributes, size_of::<Load>())
    })?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel made this descriptor for us; it is close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a device program decide for a cgroup and all below it: bpf(2), `BPF_PROG_ATTACH`.
pub(super) fn attach_device_program(cgroup: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    const BPF_PROG_ATTACH: c_int = 8;
    const BPF_CGROUP_DEVICE: i32 = 6;
    // A container's own systemd may attach more programs below; each of them can only forbid more.
    const BPF_F_ALLOW_MULTI: i32 = 2;
    let attributes: [i32; 4] =
        [cgroup.as_raw_fd(), program.as_raw_fd(), BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI];
    // SAFETY: the attributes are `union bpf_attr`'s for this command and have the size given.
    let attached = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, attributes.as_ptr(), size_of_val(&attributes))
    };
    checked(attached).map(drop)
}

/// Brings the loopback link of this network namespace up.
pub(super) fn loopback_up() -> io::Result<()> {
    /// linux/if.h.
    const IFF_UP: std::ffi::c_short = 1;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: all zero is a valid ifreq. The name is shorter than its field; the union's field is the one that SIOCSIFFLAGS reads.
    unsafe {
        let mut request: libc::ifreq = mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as c_char;
        }
        request.ifr_ifru.ifru_flags = IFF_UP;
        checked(c_long::from(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request)))
            .map(drop)
    }
}
