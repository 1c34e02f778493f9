use super::*;

#[test]
fn the_id_before_another_begins_a_page_with_it() {
    let id = |last: [u8; 2]| {
        let mut bytes = [7; 32];
        bytes[30..].copy_from_slice(&last);
        ProcessId::from_bytes(bytes)
    };
    assert_eq!(before(id([3, 5])), Some(id([3, 4])));
    assert_eq!(before(id([3, 0])), Some(id([2, 255])));
    assert_eq!(before(ProcessId::from_bytes([0; 32])), None);
}
