#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // A panic that is caught is no fault, so it must not abort.
    init: drop(std::panic::take_hook()),
    |bytes: &[u8]| dbcache_tests::fuzz::operations(bytes)
);
