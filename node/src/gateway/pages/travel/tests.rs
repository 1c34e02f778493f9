use protocol::Slot;

use super::When;

fn slot(at: Option<&str>, slot: Option<&str>) -> Result<Option<Slot>, String> {
    let when = When { at: at.map(str::to_owned), slot: slot.map(str::to_owned) };
    when.slot().map_err(|problem| problem.code)
}

#[test]
fn a_number_that_is_written_counts_more_than_the_slider() {
    assert_eq!(slot(Some("3"), Some("7")), Ok(Some(Slot::new(7))));
    assert_eq!(slot(Some("3"), Some("")), Ok(Some(Slot::new(3))));
    assert_eq!(slot(Some(""), None), Ok(None));
    assert_eq!(slot(None, None), Ok(None));
    assert_eq!(slot(Some("18446744073709551615"), None), Ok(Some(Slot::new(u64::MAX))));
}

#[test]
fn what_is_no_slot_is_refused() {
    for text in ["-1", "x", "18446744073709551616", "1.5"] {
        assert_eq!(slot(Some(text), None), Err("bad-parameter".to_owned()), "{text}");
    }
}
