use super::*;

#[test]
fn a_full_id_must_be_right_and_a_beginning_is_a_beginning() {
    let process = ProcessId::from_bytes([7; 32]);
    let text = process.to_string();
    assert_eq!(read_name(&text).unwrap(), Name::Process(process));
    assert_eq!(read_name(&text[..12]).unwrap(), Name::Prefix);
    assert_eq!(read_name("proc1").unwrap(), Name::Prefix);
    assert_eq!(read_name("counter").unwrap(), Name::Word);

    let last = if text.ends_with('q') { 'p' } else { 'q' };
    let mistyped = format!("{}{last}", &text[..text.len() - 1]);
    assert_eq!(read_name(&mistyped).unwrap_err().exit_code(), 2);
}

#[test]
fn an_id_of_another_kind_is_refused() {
    for text in [
        EntryId::from_bytes([7; 32]).to_string(),
        AccountId::from_bytes([7; 32]).to_string(),
        UnitId::from_bytes([7; 32]).to_string(),
    ] {
        assert_eq!(read_name(&text).unwrap_err().exit_code(), 2, "{text}");
    }
}

#[test]
fn arguments_that_are_not_json_are_a_usage_error() {
    assert_eq!(read_args(None, None).unwrap(), Value::Map(Vec::new()));
    assert_eq!(read_args(Some("{by:3}"), None).unwrap_err().exit_code(), 2);
    assert_eq!(read_args(Some("3"), None).unwrap_err().exit_code(), 2);
}
