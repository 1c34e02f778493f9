use serde_json::json;

use super::*;

fn paths(before: &Json, after: &Json) -> Vec<String> {
    changes(before, after, 99).0.into_iter().map(|change| change.path).collect()
}

#[test]
fn equal_values_do_not_differ() {
    let value = json!({"a": [1, {"b": null}]});
    assert_eq!(changes(&value, &value, 9), (Vec::new(), 0));
}

#[test]
fn a_change_is_named_by_the_way_that_leads_to_it() {
    let before = json!({"balance": 1, "doubts": [{"slot": 3}], "gone": true});
    let after = json!({"balance": 2, "doubts": [{"slot": 4}], "new": "x"});
    let (found, _) = changes(&before, &after, 9);
    let expected = [
        ("balance", Some(json!(1)), Some(json!(2))),
        ("doubts[0].slot", Some(json!(3)), Some(json!(4))),
        ("gone", Some(json!(true)), None),
        ("new", None, Some(json!("x"))),
    ];
    let expected =
        expected.map(|(path, before, after)| Change { path: path.to_owned(), before, after });
    assert_eq!(found, expected);
    assert_eq!(paths(&json!(1), &json!(2)), ["$"]);
}

#[test]
fn what_was_inserted_into_a_list_shows_as_that() {
    assert_eq!(paths(&json!([1, 2, 3]), &json!([0, 1, 2, 3])), ["[0]"]);
    assert_eq!(paths(&json!([1, 2, 3]), &json!([1, 3])), ["[1]"]);
    assert_eq!(paths(&json!([1, 2]), &json!([1, 2, 3])), ["[2]"]);
    assert_eq!(paths(&json!([1, 1]), &json!([1])), ["[1]"]);
    assert_eq!(paths(&json!([]), &json!([[1]])), ["[0]"]);
}

#[test]
fn more_changes_than_wanted_are_counted() {
    let before: Vec<Json> = (0..10).map(Json::from).collect();
    let after: Vec<Json> = (10..20).map(Json::from).collect();
    let (found, left) = changes(&before.into(), &after.into(), 4);
    assert_eq!((found.len(), left), (4, 6));
}

#[test]
fn bytes_that_differ_are_counted_and_neighbours_are_one_range() {
    let before = vec![0; 8_192];
    let mut after = before.clone();
    after[100] = 1;
    after[104] = 2;
    after[5_000] = 3;
    let found = bytes(&before, &after, 4_096, 9);
    assert_eq!((found.pages, found.bytes), (2, 3));
    let ranges: Vec<_> = found.ranges.iter().map(|one| (one.address, one.length)).collect();
    assert_eq!(ranges, [(100, 5), (5_000, 1)]);
    assert_eq!(found.ranges[0].after, [1, 0, 0, 0, 2]);
    assert_eq!(bytes(&before, &after, 4_096, 1).ranges.len(), 1);
    assert_eq!(bytes(&before, &before, 4_096, 9), Bytes::default());
}

#[test]
fn a_memory_that_grew_differs_where_the_new_part_is_not_zero() {
    let mut after = vec![0; 8_192];
    after[8_191] = 7;
    let found = bytes(&[0; 4_096], &after, 4_096, 9);
    assert_eq!((found.pages, found.bytes), (1, 1));
    assert_eq!((&found.ranges[0].before[..], &found.ranges[0].after[..]), (&[][..], &[7][..]));
}

#[test]
fn keys_are_counted_by_what_became_of_them() {
    let map = |pairs: &[(u8, u8)]| -> BTreeMap<Vec<u8>, Vec<u8>> {
        pairs.iter().map(|(key, value)| (vec![*key], vec![*value])).collect()
    };
    let (before, after) = (map(&[(1, 1), (2, 2), (3, 3)]), map(&[(1, 1), (2, 9), (4, 4), (5, 5)]));
    assert_eq!(keys(&before, &after), [2, 1, 1]);
}
