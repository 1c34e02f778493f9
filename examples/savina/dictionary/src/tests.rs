use antiphon::Sim;

use super::*;

#[test]
fn every_step_is_done_and_every_value_is_its_keys() {
    for seed in 0..5 {
        let mut sim = Sim::seeded(seed);
        let dictionary = sim.spawn::<Dictionary>(args! {});
        assert_eq!(sim.send(dictionary.run(4, 50, 10)), Ok(200), "seed {seed}");
        let few = sim.view(&dictionary.len()).unwrap();
        assert_eq!(sim.send(dictionary.run(4, 50, 100)), Ok(200), "seed {seed}");
        assert!((1..sim.view(&dictionary.len()).unwrap()).contains(&few));
    }
}

#[test]
fn a_wrong_value_is_found() {
    let mut sim = Sim::seeded(1);
    let dictionary = sim.spawn::<Dictionary>(args! {});
    for key in 0..KEYS {
        sim.send(dictionary.write(key, value(key) + 1)).unwrap();
    }
    assert!(sim.send(dictionary.run(1, 1, 0)).is_err());
}
