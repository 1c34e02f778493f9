use super::*;

#[test]
fn a_slip_of_the_fingers_is_near() {
    let names = ["transfer", "balance", "add", "get"];
    for (text, meant) in [
        ("transfre", "transfer"),
        ("tranfer", "transfer"),
        ("balanse", "balance"),
        ("ad", "add"),
        ("gte", "get"),
        ("addd", "add"),
    ] {
        assert_eq!(nearest(text, names).as_deref(), Some(meant), "{text}");
    }
}

#[test]
fn what_is_far_or_too_short_or_too_long_suggests_nothing() {
    for text in ["", "x", "withdraw", "zzz", &"a".repeat(5_000)] {
        assert_eq!(nearest(text, ["transfer", "add", "get"]), None, "{text}");
    }
    assert_eq!(nearest("add", []), None);
}

#[test]
fn the_distance_counts_swaps_once() {
    for (one, other, far) in
        [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 1), ("kitten", "sitting", 3)]
    {
        assert_eq!(distance(one, other), far, "{one} {other}");
    }
}
