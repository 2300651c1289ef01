#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sipwright_fuzz::multipart(data));
