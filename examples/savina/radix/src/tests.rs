use antiphon::Sim;

use super::*;

#[test]
fn values_come_out_in_order() {
    for seed in 0..5 {
        let mut sim = Sim::seeded(seed);
        let radix = sim.spawn::<Radix>(args! { all: 0 });
        for (values, bits) in [(100, 16), (1, 1), (50, 64), (30, 3)] {
            assert_eq!(sim.send(radix.run(values, bits, seed)), Ok(values), "seed {seed}");
            let sorted = sim.view(&radix.sorted()).unwrap();
            assert!(sorted.is_sorted() && sorted.len() == values);
            assert!(sorted.iter().all(|value| bits == 64 || value >> bits == 0));
        }
    }
}

#[test]
fn a_value_that_nobody_sent_is_found() {
    let mut radix = Radix { all: 1, sum: 7, ..Radix::new(None, 1) };
    let cx = Context::mock();
    let _ = radix.sort(&cx);
    assert!(cx.effects().is_empty(), "it waits");
    radix.take(&cx, 8);
    assert!(radix.call.is_none(), "it has said so");
}
