//! What the derive macro says to those who use it wrongly.

#[test]
fn mistakes_are_underlined_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/derive/*.rs");
}
