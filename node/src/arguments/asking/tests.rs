use super::*;

#[test]
fn a_line_ends_where_the_terminal_says() {
    let read = |text: &'static str| read_line(text.as_bytes()).unwrap();
    assert_eq!(read("3\n4\n").as_deref(), Some("3"));
    assert_eq!(read("a b\r\n").as_deref(), Some("a b"));
    assert_eq!(read("\n").as_deref(), Some(""));
    assert_eq!(read("no end").as_deref(), Some("no end"));
    assert_eq!(read(""), None);
}

#[test]
fn nobody_answers() {
    assert!(!Nobody.can_ask());
    assert_eq!(Nobody.ask("by: ").unwrap(), None);
}
