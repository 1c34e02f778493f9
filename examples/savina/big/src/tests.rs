use antiphon::Sim;

use super::*;

#[test]
fn every_ping_arrives_once() {
    for seed in 0..5 {
        let mut sim = Sim::seeded(seed);
        let big = sim.spawn::<Big>(args! {});
        assert_eq!(sim.send(big.run(8, 25)), Ok(200), "seed {seed}");
        assert_eq!(sim.send(big.run(1, 3)), Ok(3), "it pings itself");
    }
}

#[test]
fn many_are_pinged() {
    let mut sim = Sim::seeded(1);
    let big = sim.spawn::<Big>(args! {});
    sim.send(big.run(8, 25)).unwrap();
    let all: Vec<_> = sim.processes().collect();
    let pinged = all.iter().filter(|one| sim.view(&Big::at(**one).pinged()).unwrap() > 0).count();
    assert!(pinged > 4, "{pinged}");
}
