//! STOMP 1.2 over TLS.

pub mod frame;
