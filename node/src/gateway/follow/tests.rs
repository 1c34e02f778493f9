use axum::http::HeaderValue;

use super::*;

fn starts(last: Option<&'static str>) -> Result<Slot, Problem> {
    let last = last.map(|last| (axum::http::HeaderName::from_static("last-event-id"), last));
    let last = last.map(|(name, last)| (name, HeaderValue::from_static(last)));
    begin(&last.into_iter().collect(), &Start { from: 3 })
}

#[test]
fn whoever_comes_back_goes_on_behind_the_last_event() {
    assert_eq!(starts(None), Ok(Slot::new(3)));
    assert_eq!(starts(Some("0")), Ok(Slot::new(1)));
    assert_eq!(starts(Some("41")), Ok(Slot::new(42)));
}

#[test]
fn an_event_that_cannot_have_been_is_refused() {
    for last in ["", "x", "-1", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(starts(Some(last)).unwrap_err().status, 400, "{last}");
    }
}
