use std::sync::Arc;

use super::Slots;

#[test]
fn a_host_cannot_take_every_place() {
    let slots = Arc::new(Slots::new(3, 2));
    let ip = |text: &str| text.parse().unwrap();
    let first = slots.take(ip("10.0.0.1")).unwrap();
    let _second = slots.take(ip("::ffff:10.0.0.1")).unwrap();
    assert!(slots.take(ip("10.0.0.1")).is_none(), "its share is used up");
    let _third = slots.take(ip("2001:db8::1")).unwrap();
    assert!(slots.take(ip("10.0.0.2")).is_none(), "no place is left");
    drop(first);
    let _fourth = slots.take(ip("2001:db8::2")).unwrap();
    assert!(slots.take(ip("2001:db8::3")).is_none());
}

#[test]
fn one_ipv6_network_is_one_host() {
    let slots = Arc::new(Slots::new(9, 1));
    let ip = |text: &str| text.parse().unwrap();
    let held = slots.take(ip("2001:db8::1")).unwrap();
    assert!(slots.take(ip("2001:db8::2")).is_none());
    assert!(slots.take(ip("2001:db8:0:1::1")).is_some());
    drop(held);
    assert!(slots.take(ip("2001:db8::2")).is_some());
}
