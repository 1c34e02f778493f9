use std::collections::BTreeMap;

use protocol::{Gas, Slot, Value};

use super::{BOTTOM, LEFT, POINTS_MAX, RIGHT, Scale, TOP, brief, round_up, section};
use crate::explorer::{
    facts::{LogFacts, LogPage, Progress, SlotFacts},
    testing::{failure, log_page, slot, value},
};

fn row(number: u64, gas: u64) -> SlotFacts {
    let mut row = slot(number, Some(value(&Value::Null)), Vec::new());
    if let Progress::Executed(executed) = &mut row.progress {
        executed.outcome.gas = Gas::new(gas);
    }
    row
}

fn page(rows: Vec<SlotFacts>) -> LogPage {
    log_page(LogFacts { rows, next: Slot::new(9), problem: None })
}

#[test]
fn no_slots_have_no_chart_and_no_latencies_say_so() {
    assert_eq!(section(&page(Vec::new())).into_string(), "");
    let shown = section(&page(vec![row(1, 5)])).into_string();
    assert_eq!(shown.matches("<svg").count(), 1, "only gas is known");
    assert!(shown.contains("Known for 0 of 1"));
}

#[test]
fn the_largest_numbers_stay_inside_of_the_drawing() {
    let rows = vec![row(u64::MAX, u64::MAX), row(u64::MAX - 1, 0), row(0, 1)];
    let mut page = page(rows);
    page.latencies = BTreeMap::from([(Slot::new(0), u64::MAX)]);
    let shown = section(&page).into_string();
    assert_eq!(shown.matches("<svg").count(), 2);
    for name in [" y=\"", " cy=\"", " x=\"", " cx=\"", " height=\"", " y1=\""] {
        for place in shown.split(name).skip(1) {
            let place: u64 = place.split('"').next().unwrap().parse().unwrap();
            assert!(place <= 6_000, "{name}{place}");
        }
    }
    assert!(shown.contains("18,446,744,073,709,551,615 gas"));
}

#[test]
fn places_are_in_order_and_inside_whatever_the_count() {
    for count in [1, 2, 50, POINTS_MAX] {
        let scale = Scale { top: 10, count };
        let middles: Vec<u128> = (0..count).map(|index| scale.x(index).0).collect();
        assert!(middles.is_sorted() && middles.iter().all(|x| (LEFT..=RIGHT).contains(x)));
    }
    let scale = Scale { top: round_up(u64::MAX), count: 1 };
    assert_eq!((scale.y(0), scale.y(u128::MAX)), (BOTTOM, TOP));
}

#[test]
fn more_slots_than_are_drawn_are_left_out() {
    let rows = (0..1_000).rev().map(|number| row(number, 7)).collect();
    let shown = section(&page(rows)).into_string();
    assert_eq!(shown.matches("<rect").count(), POINTS_MAX);
    assert!(shown.contains("Slots 800 to 999: 7 to 7 gas, median 7; 200 values."));
}

#[test]
fn marks_lead_to_messages_and_errors_look_different() {
    let shown = section(&page(vec![slot(1, Some(failure()), Vec::new())])).into_string();
    assert!(shown.contains("mark failed") && shown.contains("href=\"/message/"));
    assert!(shown.contains("<title id=\"gas-title\">") && shown.contains("<desc"));
    assert!(!shown.contains("style="));
}

#[test]
fn scales_end_at_round_numbers() {
    let cases = [(0, 1), (1, 1), (3, 5), (5, 5), (6, 10), (12_345, 20_000)];
    for (most, top) in cases {
        assert_eq!(round_up(most), top, "{most}");
    }
    assert_eq!(round_up(u64::MAX), 20_000_000_000_000_000_000);
    let words = [(0, "0"), (999, "999"), (1_500, "1.5k"), (20_000, "20k"), (2_000_000, "2M")];
    for (value, word) in words {
        assert_eq!(brief(value), word);
    }
    assert_eq!(brief(20_000_000_000_000_000_000), "20E");
}
