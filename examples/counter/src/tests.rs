use antiphon::schema::MethodKind;

use super::*;

#[test]
fn anybody_adds_and_sees_the_sum() {
    let mut counter = Counter::new(5);
    assert_eq!(counter.add(3), Ok(8));
    assert_eq!(counter.get(), 8);
}

#[test]
fn a_sum_that_does_not_fit_changes_nothing() {
    let mut counter = Counter::new(u64::MAX);
    assert_eq!(counter.add(1).unwrap_err().code(), Error::REFUSED);
    assert_eq!(counter.get(), u64::MAX);
}

#[test]
fn only_the_controller_resets() {
    let mut counter = Counter::new(5);
    let stranger = Context::mock().sent_by(ProcessId::from_bytes([1; 32]));
    assert!(counter.reset(&stranger).is_err());
    assert_eq!(counter.get(), 5);
    assert_eq!(counter.reset(&Context::mock()), Ok(()));
    assert_eq!(counter.get(), 0);
}

#[test]
fn the_schema_lists_what_people_can_call() {
    let schema = Counter::schema();
    let methods: Vec<(&str, MethodKind)> =
        schema.methods.iter().map(|method| (method.name.as_str(), method.kind)).collect();
    assert_eq!(
        methods,
        [
            ("new", MethodKind::Init),
            ("get", MethodKind::View),
            ("add", MethodKind::Message),
            ("reset", MethodKind::Message),
        ]
    );
}
