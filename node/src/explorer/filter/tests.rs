use protocol::{Principal, Slot, Value};

use super::{FIELD_MAX, Filter, Place, SEARCHED_MAX, Search, Sender, Wanted};
use crate::explorer::{
    facts::{Progress, SlotFacts},
    testing::{HOSTILE, failure, process, slot, value},
};

fn parse(method: &str, sender: &str, outcome: &str) -> Result<Filter, String> {
    Filter::parse(Some(method), Some(sender), Some(outcome)).map_err(|problem| problem.code)
}

#[test]
fn what_is_empty_is_not_asked_for() {
    assert!(parse(" ", "", "").unwrap().is_empty());
    assert!(Filter::parse(None, None, None).unwrap().is_empty());
}

#[test]
fn fields_that_mean_nothing_are_refused() {
    let long = "x".repeat(FIELD_MAX + 1);
    for (method, sender, outcome) in
        [("", "proc", ""), ("", HOSTILE, ""), ("", "", "no"), (long.as_str(), "", "")]
    {
        assert_eq!(parse(method, sender, outcome), Err("bad-parameter".to_owned()));
    }
}

#[test]
fn a_slot_fits_by_method_kind_sender_and_outcome() {
    let ok = slot(1, Some(value(&Value::Null)), Vec::new());
    let error = slot(2, Some(failure()), Vec::new());
    let waiting = slot(3, None, Vec::new());
    let mut unknown = slot(4, None, Vec::new());
    unknown.progress = Progress::Unknown;
    let fits = |filter: &Filter, row: &SlotFacts| filter.fits(row);
    for (word, fit) in [("ok", &ok), ("error", &error), ("waiting", &waiting)] {
        let filter = parse("", "", word).unwrap();
        let all = [&ok, &error, &waiting, &unknown].map(|row| fits(&filter, row));
        assert_eq!(all.iter().filter(|fits| **fits).count(), 1, "{word}");
        assert!(fits(&filter, fit), "{word}");
    }
    assert!(fits(&parse("message", "account", "ok").unwrap(), &ok));
    assert!(!fits(&parse("tell", "", "").unwrap(), &ok));
    assert!(fits(&parse(HOSTILE, "", "").unwrap(), &ok));
    assert!(!fits(&parse("", "process", "").unwrap(), &ok));
    let id = ok.call.from.to_string();
    assert!(fits(&parse("", &id[..10], "").unwrap(), &ok));
    assert!(fits(&parse("", &id, "").unwrap(), &ok));
    let mut told = ok;
    told.call.from = Principal::Process(process("source"));
    assert!(fits(&parse("", "process", "").unwrap(), &told));
    assert!(!fits(&parse("", &id[..10], "").unwrap(), &told));
}

#[test]
fn a_query_says_everything_and_is_safe_in_an_address() {
    let filter = Filter {
        method: Some("a&b=<ü>".to_owned()),
        sender: Some(Sender::Accounts),
        outcome: Some(Wanted::Error),
    };
    let query = filter.query(Place::Before(Slot::new(7)));
    assert_eq!(query, "?method=a%26b%3D%3C%C3%BC%3E&sender=account&outcome=error&before=7");
    assert_eq!(Filter::default().query(Place::Newest), "");
    assert_eq!(Filter::default().query(Place::From(Slot::ZERO)), "?from=0");
}

/// Looks through a log of `next` slots, of which `fits` says which are wanted.
fn search(
    place: Place,
    next: u64,
    all: bool,
    fits: impl Fn(u64) -> bool,
) -> (Vec<u64>, u64, u64, bool) {
    let mut search = Search::new(place, Slot::new(next), 50, all);
    let mut read = 0;
    while let Some((from, count)) = search.piece() {
        let end = from.get() + u64::from(count);
        assert!(end <= next, "nothing is read behind the end");
        read += u64::from(count);
        assert!(read <= SEARCHED_MAX);
        let fit = (from.get()..end).filter(|slot| fits(*slot));
        search.take(fit.map(|number| slot(number, None, Vec::new())).collect(), count);
    }
    let found = search.finish();
    let rows = found.rows.iter().map(|row| row.assignment.slot.get()).collect();
    (rows, found.span.0.get(), found.span.1.get(), found.cut)
}

#[test]
fn pages_follow_one_another_without_gaps_in_both_directions() {
    let third = |slot: u64| slot.is_multiple_of(3);
    let all: Vec<u64> = (0..1_000).filter(|slot| third(*slot)).rev().collect();
    let (mut down, mut place) = (Vec::new(), Place::Newest);
    loop {
        let (rows, first, _, cut) = search(place, 1_000, false, third);
        assert!(rows.len() <= 50 && !cut);
        down.extend(rows);
        if first == 0 {
            break;
        }
        place = Place::Before(Slot::new(first));
    }
    assert_eq!(down, all);
    let (mut up, mut place) = (Vec::new(), Place::From(Slot::ZERO));
    loop {
        let (rows, _, end, _) = search(place, 1_000, false, third);
        up.splice(0..0, rows);
        if end >= 1_000 {
            break;
        }
        place = Place::From(Slot::new(end));
    }
    assert_eq!(up, all);
}

#[test]
fn a_search_for_what_is_rare_ends_and_says_how_far_it_came() {
    let (rows, first, end, cut) = search(Place::Newest, 100_000, false, |slot| slot == 99_990);
    assert_eq!((rows, first, end, cut), (vec![99_990], 95_000, 100_000, true));
    let (rows, first, end, cut) = search(Place::From(Slot::ZERO), 100_000, false, |_| false);
    assert_eq!((rows, first, end, cut), (Vec::new(), 0, 5_000, true));
}

#[test]
fn a_log_of_which_all_is_wanted_is_read_page_by_page() {
    let (rows, first, end, cut) = search(Place::Newest, 100_000, true, |_| true);
    assert_eq!((rows.len(), first, end, cut), (50, 99_950, 100_000, false));
    let (rows, first, end, cut) = search(Place::Before(Slot::new(20)), 100_000, true, |_| true);
    assert_eq!((rows.len(), first, end, cut), (20, 0, 20, false));
    let beyond = Place::From(Slot::new(u64::MAX));
    assert_eq!(search(beyond, 10, true, |_| true), (Vec::new(), 10, 10, false));
    let beyond = Place::Before(Slot::new(u64::MAX));
    assert_eq!(search(beyond, 10, true, |_| true).0.len(), 10);
    assert_eq!(search(Place::Newest, 0, true, |_| true), (Vec::new(), 0, 0, false));
}
