use antiphon::Sim;

use super::*;

#[test]
fn the_parts_add_up_to_pi() {
    let mut sim = Sim::seeded(1);
    let trapezoid = sim.spawn::<Trapezoid>(args! {});
    for (workers, pieces) in [(1, 1), (1, 10), (10, 1), (8, 1_000)] {
        let pi = sim.send(trapezoid.run(workers, pieces)).unwrap();
        assert!((pi - PI).abs() < 0.2, "{pi}");
    }
    assert!((sim.send(trapezoid.run(100, 100)).unwrap() - PI).abs() < 1e-8);
}

#[test]
fn straight_lines_are_exact() {
    assert_eq!(Trapezoid::new().integrate(0.0, 1.0, 1), Ok(3.0));
    assert!(Trapezoid::new().integrate(0.0, 1.0, 0).is_err());
}
