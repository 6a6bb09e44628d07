#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fn_aws_guardduty_fuzz::app_config::check(data));
