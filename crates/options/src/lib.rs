//! Text of a kernel command line → typed [`Options`] and [`Diagnostic`]s. No I/O: everything here runs the same on a desk and at boot.
#![forbid(unsafe_code)]
