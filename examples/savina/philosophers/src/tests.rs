use antiphon::Sim;

use super::*;

#[test]
fn everybody_eats_as_often_as_they_want() {
    for seed in 0..10 {
        let mut sim = Sim::seeded(seed);
        let table = sim.spawn::<Philosophers>(args! {});
        assert_eq!(sim.send(table.run(5, 20)), Ok(100), "seed {seed}");
        assert_eq!(sim.send(table.run(2, 3)), Ok(6), "seed {seed}");
    }
}

#[test]
fn a_fork_is_held_by_one() {
    let mut sim = Sim::seeded(1);
    let table = sim.spawn::<Philosophers>(args! {});
    sim.send(table.run(3, 0)).unwrap();
    sim.send(table.take(0)).unwrap();
    let waiting = [sim.post(table.take(1)), sim.post(table.take(2))];
    sim.run();
    assert_eq!(waiting.each_ref().map(|ticket| sim.reply(ticket)), [None, None]);
    sim.send(table.put_back(0)).unwrap();
    let served = waiting.iter().filter(|ticket| sim.reply(ticket).is_some()).count();
    assert_eq!(served, 1, "they share a fork");
    assert!(sim.send(table.put_back(0)).is_err(), "it has none");
    assert!(sim.send(table.take(3)).is_err(), "no such seat");
}
