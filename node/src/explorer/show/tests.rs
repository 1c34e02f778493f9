use protocol::{Timestamp, Value};

use super::{args_line, number, plain, short, size, utc, value_block, value_line};

#[test]
fn text_is_cut_between_characters_and_cannot_move_what_stands_around_it() {
    assert_eq!(plain("grün", 3), "grü…");
    assert_eq!(plain("grün", 4), "grün");
    assert_eq!(plain("a\u{202e}b\u{0}c\u{feff}", 10), "a\\u{202e}b\\u{0}c\\u{feff}");
    assert_eq!(plain("two\nlines", 10), "two\nlines");
}

#[test]
fn a_shortened_identifier_keeps_kind_and_both_ends() {
    assert_eq!(short("proc1abcdefghijklmnopqrstuvwxyz"), "proc1abcdef…wxyz");
    assert_eq!(short("proc1abc"), "proc1abc");
    assert_eq!(short(""), "");
    assert_eq!(short("grün1grüngrüngrün"), "grün1grüng…rün");
}

#[test]
fn instants_are_dates_of_the_gregorian_calendar() {
    let shown = |millis| utc(Timestamp::new(millis)).map(|(date, clock)| format!("{date} {clock}"));
    assert_eq!(shown(0).unwrap(), "1970-01-01 00:00:00.000");
    assert_eq!(shown(951_827_696_789).unwrap(), "2000-02-29 12:34:56.789");
    assert_eq!(shown(4_107_542_399_999).unwrap(), "2100-02-28 23:59:59.999");
    assert_eq!(shown(4_107_542_400_000).unwrap(), "2100-03-01 00:00:00.000");
    assert_eq!(shown(253_402_300_799_999).unwrap(), "9999-12-31 23:59:59.999");
    assert_eq!(shown(253_402_300_800_000), None);
    assert_eq!(shown(u64::MAX), None);
}

#[test]
fn numbers_are_grouped_and_sizes_have_units() {
    assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1_000, 1_234_567].map(number));
    assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!(["1023 B", "1.5 KiB", "64.0 MiB"], [1_023, 1_536, 64 << 20].map(size));
    assert_eq!(size(u64::MAX), "17592186044415.9 MiB");
}

#[test]
fn values_are_bounded_however_large_they_are() {
    let large = Value::Text("<".repeat(1_000_000)).encode().unwrap();
    assert_eq!(value_line(&large), "(976.5 KiB of CBOR)");
    assert!(value_block(&large).into_string().len() < 200);
    let long = Value::Text("<".repeat(10_000)).encode().unwrap();
    assert!(value_line(&long).chars().count() < 200);
    assert!(value_block(&long).into_string().len() < 100_000);
}

#[test]
fn arguments_read_like_a_call_with_identifiers_shortened() {
    let id = protocol::ProcessId::from_bytes([7; 32]).to_string();
    let text = |text: &str| Value::Text(text.to_owned());
    let peers = Value::Array(vec![text(&id), text("proc1 is no identifier")]);
    let args = Value::Map(vec![(text("by"), Value::Integer(3)), (text("peers"), peers)]);
    let short = short(&id);
    let line = format!(r#"by: 3, peers: ["{short}", "proc1 is no identifier"]"#);
    assert_eq!(args_line(&args.encode().unwrap()), line);
}

#[test]
fn bytes_that_are_no_value_are_shown_as_bytes() {
    assert_eq!(value_line(&[0xff]), r#"{"$bytes": "/w=="}"#);
    assert_eq!(args_line(&Value::Map(Vec::new()).encode().unwrap()), "");
}
