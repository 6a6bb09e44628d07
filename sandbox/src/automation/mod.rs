//! Rules, workflows and their scripts.
