#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fn_aws_guardduty_fuzz::action_message::check(data));
