//! Mistakes, and their messages: a file for each in `compile_fail`, named after the mistake.

#[test]
fn each_mistake_gets_a_message_with_the_fix() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// The derive cannot depend on the library, and therefore has a copy of the rule.
#[test]
fn derive_and_library_have_the_same_rule_for_table_names() {
    let library = rule(include_str!("../../../dbcache/src/name.rs"));
    let derive = rule(include_str!("../../../dbcache-derive/src/check.rs"));
    assert_eq!(derive, library);
}

fn rule(file: &str) -> &str {
    let start = file.find("fn table_fault(").expect("the file has the rule");
    let rule = file.get(start..).expect("a match starts on a character");
    rule.split("\n}\n").next().expect("a split has a first part")
}
