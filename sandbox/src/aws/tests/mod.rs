//! The endpoint as the official SDK sees it.
