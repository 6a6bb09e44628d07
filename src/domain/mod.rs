//! What the worker decides, free of any input or output.

pub mod finding;
pub mod incident;
pub mod mapping;
mod pascal_case;
