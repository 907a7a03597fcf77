#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // libFuzzer aborts on every panic, but a caught panic is not a failure.
    init: drop(std::panic::take_hook()),
    |bytes: &[u8]| dbcache_tests::fuzz::names(bytes)
);
