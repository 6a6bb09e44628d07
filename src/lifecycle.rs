//! Start and stop of the process.
