//! What must hold for any input, one module a fuzz target. `tests/corpus.rs` of the worker replays the corpora with it.

pub mod action_message;
pub mod app_config;
pub mod finding;
pub mod soar_answer;
pub mod stomp_frame;
