use super::*;

#[test]
fn parts_add_up() {
    let sum: u64 = (0..4).map(|number| Worker::new(number).work(25).unwrap()).sum();
    assert_eq!(sum, 4_950);
}

#[test]
fn a_part_that_does_not_fit_is_refused() {
    assert!(Worker::new(u64::MAX).work(2).is_err());
    assert!(Worker::new(1 << 62).work(3).is_err());
    assert!(Worker::new(0).work(PART_MAX + 1).is_err());
}
