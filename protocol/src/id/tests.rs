use super::*;

const ID: ProcessId = ProcessId([0xab; 32]);

#[test]
fn has_one_spelling() {
    let text = ID.to_string();
    assert_eq!(text.parse(), Ok(ID));
    assert!(text.to_uppercase().parse::<ProcessId>().is_err());
    assert!(text.replace("proc", "msg").parse::<ProcessId>().is_err());
    assert!("proc1ab".parse::<ProcessId>().is_err());
    assert!("".parse::<ProcessId>().is_err());
}

#[test]
fn another_kind_is_refused_with_its_reason() {
    let error = UnitId([1; 32]).to_string().parse::<ProcessId>().unwrap_err();
    assert_eq!(error.reason, "it names something of another kind");
}

#[test]
fn every_single_typing_error_is_caught() {
    let text = ID.to_string();
    for position in 0..text.len() {
        for replacement in "qpzry9x8gf2tvdw0s3jn54khce6mua7l".chars() {
            let mut typo: Vec<char> = text.chars().collect();
            if typo[position] == replacement {
                continue;
            }
            typo[position] = replacement;
            let typo: String = typo.into_iter().collect();
            assert!(typo.parse::<ProcessId>().is_err(), "{typo} was accepted");
        }
    }
}
