//! Whom a TLS connection trusts.
