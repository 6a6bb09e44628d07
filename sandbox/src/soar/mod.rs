//! The REST side of the platform.
