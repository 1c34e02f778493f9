use super::{ParseAddressError, UnitAddress};
use crate::testing::key;

#[test]
fn an_address_reads_back_as_written() {
    let unit = key(1).public().unit();
    for socket in ["127.0.0.1:7000", "[::1]:7000"] {
        let address = UnitAddress { unit, address: socket.parse().unwrap() };
        assert_eq!(address.to_string(), format!("{unit}@{socket}"));
        assert_eq!(address.to_string().parse(), Ok(address));
    }
}

#[test]
fn each_half_is_checked() {
    let unit = key(1).public().unit();
    let parse = |text: &str| text.parse::<UnitAddress>().unwrap_err();
    assert_eq!(parse("127.0.0.1:7000"), ParseAddressError::NoSeparator);
    assert!(matches!(parse("proc1qq@127.0.0.1:7000"), ParseAddressError::Unit(_)));
    assert!(matches!(parse(&format!("{unit}@localhost")), ParseAddressError::Socket(_)));
    assert!(matches!(parse(&format!("{unit}@127.0.0.1")), ParseAddressError::Socket(_)));
}
