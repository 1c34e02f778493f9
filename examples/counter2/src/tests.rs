use super::*;

#[test]
fn a_number_is_added_to_and_its_resets_are_counted() {
    let mut counter = Counter::new(3);
    assert_eq!(counter.add(Some(4)), Ok(7));
    assert_eq!(counter.add(None), Ok(8));
    let cx = Context::mock();
    counter.reset(&cx).unwrap();
    assert_eq!((counter.get(), counter.resets()), (0, 1));
}
