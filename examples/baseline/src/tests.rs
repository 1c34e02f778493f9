use antiphon::Sim;

use super::*;

#[test]
fn every_number_has_an_entry() {
    let mut baseline = Baseline::new();
    assert!(baseline.is_empty());
    baseline.insert(0, 1_000);
    baseline.insert(900, 1_000);
    assert_eq!(baseline.len(), 1_900);
}

#[test]
fn one_asks_another() {
    let mut sim = Sim::seeded(1);
    let [a, b] = [(); 2].map(|()| sim.spawn::<Baseline>(args! {}));
    assert_eq!(sim.send(a.ask(b)), Ok(()));
    assert_eq!(sim.send(a.take("text".into())), Ok(()));
    assert_eq!(sim.log(b).len(), 2);
}
