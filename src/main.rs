//! The `fn-aws-guardduty` command.

fn main() {}
