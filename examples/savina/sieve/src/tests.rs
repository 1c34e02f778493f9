use antiphon::Sim;

use super::*;

#[test]
fn primes_are_counted() {
    for seed in 0..3 {
        let mut sim = Sim::seeded(seed);
        let sieve = sim.spawn::<Sieve>(args! { room: 0, actors: 0 });
        for (limit, room, primes) in [(0, 1, 0), (3, 1, 1), (100, 5, 25), (1_000, 40, 168)] {
            assert_eq!(sim.send(sieve.run(limit, room)), Ok(primes), "seed {seed}");
        }
    }
}

#[test]
fn the_same_sieve_in_one_place_knows() {
    assert_eq!([0, 2, 3, 10, 10_000].map(known), [0, 0, 1, 4, 1_229]);
}

#[test]
fn an_actor_keeps_no_more_primes_than_it_has_room_for() {
    let mut sim = Sim::seeded(1);
    let sieve = sim.spawn::<Sieve>(args! { room: 0, actors: 0 });
    sim.send(sieve.run(100, 10)).unwrap();
    let all: Vec<_> = sim.processes().collect();
    let mut kept: Vec<_> =
        all.iter().map(|one| sim.view(&Sieve::at(*one).kept()).unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, [0, 5, 10, 10]);
}
