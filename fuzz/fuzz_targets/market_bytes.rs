#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| taper_model::fuzz::market_bytes(data));
