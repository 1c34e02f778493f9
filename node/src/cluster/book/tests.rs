use super::*;

#[test]
fn a_name_is_found_again_and_a_reused_one_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let book = Book::new(directory.path().join("names.json"));
    let (one, two) = (ProcessId::from_bytes([1; 32]), ProcessId::from_bytes([2; 32]));
    assert_eq!(book.get("a").unwrap(), None);
    assert!(book.put([("a".to_owned(), one), ("b".to_owned(), two)]).unwrap().is_empty());
    assert_eq!(book.get("a").unwrap(), Some(one));
    assert_eq!(book.put([("a".to_owned(), two)]).unwrap(), [("a".to_owned(), one)]);
    assert_eq!(book.get("a").unwrap(), Some(two));
    assert_eq!(book.get("b").unwrap(), Some(two));
}

#[test]
fn a_damaged_book_is_an_error_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("names.json");
    fs::write(&path, "{\"a\":7}").unwrap();
    let book = Book::new(path.clone());
    assert!(book.put([("b".to_owned(), ProcessId::from_bytes([1; 32]))]).is_err());
    assert_eq!(fs::read_to_string(path).unwrap(), "{\"a\":7}");
}
