use super::*;

#[test]
fn a_trace_is_the_first_half_of_the_entrys_id_in_hex() {
    let mut bytes = [0xab; 32];
    bytes[0] = 0x01;
    let trace = TraceId::from(&EntryId::from_bytes(bytes)).to_string();
    assert_eq!(trace, format!("01{}", "ab".repeat(15)));
}
