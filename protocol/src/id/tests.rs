use bech32::{Bech32m, Hrp};

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

#[test]
fn another_number_of_bytes_is_refused() {
    for length in [0, 31, 33, 64] {
        let bytes = vec![0xab; length];
        let text = bech32::encode_lower::<Bech32m>(Hrp::parse_unchecked("proc"), &bytes).unwrap();
        assert!(text.parse::<ProcessId>().is_err(), "{length} bytes");
    }
}

#[test]
fn spare_bits_are_zero() {
    use bech32::{ByteIterExt, Fe32, Fe32IterExt};

    let hrp = Hrp::parse_unchecked("proc");
    let spelled = |last: u8| -> String {
        let mut symbols: Vec<Fe32> = ID.0.iter().copied().bytes_to_fes().collect();
        let symbol = symbols.pop().unwrap();
        symbols.push(Fe32::try_from(symbol.to_u8() | last).unwrap());
        symbols.into_iter().with_checksum::<Bech32m>(&hrp).chars().collect()
    };
    assert_eq!(spelled(0).parse(), Ok(ID));
    for spare in 1..16 {
        let error = spelled(spare).parse::<ProcessId>().unwrap_err();
        assert_eq!(error.reason, "it has spare bits set");
    }
}

#[test]
fn an_old_checksum_is_refused() {
    let hrp = Hrp::parse_unchecked("proc");
    let text = bech32::encode_lower::<bech32::Bech32>(hrp, &ID.0).unwrap();
    assert!(text.parse::<ProcessId>().is_err());
}

#[test]
fn json_holds_the_one_spelling() {
    let json = serde_json::to_string(&ID).unwrap();
    assert_eq!(json, format!("\"{ID}\""));
    assert_eq!(serde_json::from_str::<ProcessId>(&json).unwrap(), ID);
    assert!(serde_json::from_str::<UnitId>(&json).is_err());
}
