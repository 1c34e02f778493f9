use super::*;

fn image(bytes: Vec<u8>) -> MemoryImage {
    MemoryImage::new(ModuleId::from_bytes([7; 32]), bytes)
}

/// A memory with the anchor of a state at an address.
fn anchored(memory: &mut [u8], at: usize, state: u32) {
    memory[at..at + 16].copy_from_slice(&MARK);
    memory[at + 16..at + 20].copy_from_slice(&state.to_le_bytes());
    memory[at + 20..at + 24].copy_from_slice(&(state ^ 0x5a5a_5a5a).to_le_bytes());
}

#[test]
fn a_state_is_found_beside_its_anchor() {
    let mut memory = vec![0; 1 << 17];
    // The module's own constant, an anchor before the birth, and one that another memory has left.
    memory[100..120].copy_from_slice(b"antiphon state: t\0\0\0");
    memory[200..216].copy_from_slice(&MARK);
    anchored(&mut memory, 50_000, 1_032);
    anchored(&mut memory, 70_000, 70_040);
    memory[70_040..70_048].copy_from_slice(&42_u64.to_le_bytes());
    let image = image(memory);
    let state = image.state().unwrap();
    assert_eq!(state, 70_040);
    assert_eq!(u64::from_le_bytes(image.read(state).unwrap()), 42);
}

#[test]
fn an_image_without_a_state_says_so() {
    let mut cut = vec![0; 16];
    cut[..16].copy_from_slice(&MARK);
    for bytes in [vec![], vec![0; 100], cut] {
        assert_eq!(image(bytes).state().unwrap_err().code(), Error::BAD_STATE);
    }
}

#[test]
fn nothing_is_read_beyond_the_end() {
    let image = image(vec![1, 0, 0, 0, 2]);
    assert_eq!(image.word(0), Ok(1));
    assert_eq!(image.read(3), Ok([0, 2]));
    assert_eq!(image.slice(4, 1), Ok(&[2][..]));
    assert_eq!((image.find(&[0, 2]), image.find(&[3]), image.find(&[])), (Some(3), None, None));
    for address in [2, 5, 6, usize::MAX] {
        assert_eq!(image.word(address).unwrap_err().code(), Error::BAD_STATE);
        assert_eq!(image.read::<4>(address).unwrap_err().code(), Error::BAD_STATE);
        assert_eq!(image.slice(address, usize::MAX).unwrap_err().code(), Error::BAD_STATE);
    }
}

#[test]
fn an_anchor_names_where_its_state_is() {
    let (anchor, state) = (Anchor::new(), 5_u64);
    anchor.hold(&state);
    assert_eq!(anchor.address.get(), ptr::from_ref(&state).addr());
    assert_eq!(anchor.check.get() ^ CHECK, anchor.address.get());
}
