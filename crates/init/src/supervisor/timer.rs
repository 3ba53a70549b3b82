//! A signal a second, which interrupts what process 1 waits for.

/// That the signal comes is all that it is for.
extern "C" fn nothing(_: libc::c_int) {}

/// From here on, wait(2) returns at least every second. It fails only for bad arguments.
pub fn start() {
    // As often as a beat comes.
    let second = libc::timeval { tv_sec: 1, tv_usec: 0 };
    // SAFETY: both structures are valid for the length of the calls, zero is a valid value of each field of sigaction, and the handler touches nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        // Without SA_RESTART: waiting is to be interrupted.
        action.sa_sigaction = nothing as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
        let every = libc::itimerval { it_interval: second, it_value: second };
        libc::setitimer(libc::ITIMER_REAL, &raw const every, std::ptr::null_mut());
    }
}
