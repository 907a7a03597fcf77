#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dbcache_tests::fuzz::names(bytes));
