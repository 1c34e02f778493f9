use super::*;

fn find(text: &str, bytes: &[u8]) -> Result<UnitId, NodeError> {
    let units = bytes.iter().map(|byte| UnitId::from_bytes([*byte; 32]));
    only(text, ("unit", "units"), units, "`antiphon status` lists them")
}

#[test]
fn a_beginning_must_be_of_exactly_one() {
    let one = UnitId::from_bytes([1; 32]);
    assert_eq!(find(&one.to_string()[..20], &[1, 2]).unwrap(), one);
    assert_eq!(find("unit1", &[1, 1]).unwrap(), one, "known twice");
    let error = find("unit1zzzz", &[1, 2]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().ends_with("`antiphon status` lists them"), "{error}");
}

#[test]
fn candidates_are_listed_as_far_as_anybody_reads() {
    let error = find("unit1", &[1, 2]).unwrap_err().to_string();
    for byte in [1, 2] {
        assert!(error.contains(&UnitId::from_bytes([byte; 32]).to_string()), "{error}");
    }
    let many: Vec<u8> = (0..20).collect();
    let error = find("unit1", &many).unwrap_err().to_string();
    assert!(error.starts_with("`unit1` is the beginning of 20 units"), "{error}");
    assert!(error.ends_with(", and 12 more"), "{error}");
}

#[test]
fn a_name_suggests_the_nearest() {
    assert_eq!(meant("conter", ["counter", "bank"]), ", did you mean `counter`?");
    assert_eq!(meant("shop", ["counter", "bank"]), "");
}
