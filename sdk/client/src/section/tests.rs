use super::*;

fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut wasm = HEADER.to_vec();
    for (id, body) in sections {
        wasm.push(*id);
        wasm.push(u8::try_from(body.len()).unwrap());
        wasm.extend_from_slice(body);
    }
    wasm
}

#[test]
fn finds_the_section_of_the_name_among_others() {
    let wasm = module(&[(1, b"types"), (0, b"\x01aother"), (0, b"\x02abwanted")]);
    assert_eq!(custom_section(&wasm, "ab"), Some(b"wanted".as_slice()));
    assert_eq!(custom_section(&wasm, "a"), Some(b"other".as_slice()));
    assert_eq!(custom_section(&wasm, "b"), None);
}

#[test]
fn truncated_or_foreign_bytes_have_no_section_and_never_panic() {
    let wasm = module(&[(0, b"\x02abwanted")]);
    for end in 0..wasm.len() {
        assert_eq!(custom_section(&wasm[..end], "ab"), None, "cut at {end}");
    }
    assert_eq!(custom_section(b"\0asm\x0d\0\x01\0", "ab"), None);
    let mut endless = HEADER.to_vec();
    endless.extend_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(custom_section(&endless, "ab"), None);
}

#[test]
fn reads_lengths_of_several_bytes() {
    let mut wasm = HEADER.to_vec();
    let contents = vec![7; 300];
    wasm.extend_from_slice(&[0, 0xaf, 0x02, 0x02, b'a', b'b']);
    wasm.extend_from_slice(&contents);
    assert_eq!(custom_section(&wasm, "ab"), Some(contents.as_slice()));
}
