//! A small STOMP 1.2 broker.
