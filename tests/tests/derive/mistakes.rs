//! Mistakes, and the messages that they get: one file each in `compile_fail`, named after the mistake.

#[test]
fn mistakes_get_messages_that_say_the_fix() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
