use antiphon::Sim;

use super::*;

#[test]
fn every_item_is_taken_once_and_none_is_put_without_room() {
    for seed in 0..5 {
        let mut sim = Sim::seeded(seed);
        let buffer = sim.spawn::<Buffer>(args! {});
        for (producers, consumers, room) in [(4, 4, 5), (1, 6, 1), (6, 1, 2), (0, 1, 1)] {
            let all = u64::from(producers) * 20;
            assert_eq!(sim.send(buffer.run(producers, consumers, 20, room)), Ok(all));
            assert!(sim.view(&buffer.most()).unwrap() <= room, "seed {seed}");
        }
    }
}

#[test]
fn without_room_producers_wait() {
    let mut sim = Sim::seeded(1);
    let buffer = sim.spawn::<Buffer>(args! {});
    sim.send(buffer.run(0, 1, 0, 1)).unwrap();
    sim.send(buffer.put(1)).unwrap();
    let second = sim.post(buffer.put(2));
    sim.run();
    assert_eq!(sim.reply(&second), None);
    assert_eq!(sim.send(buffer.take()), Ok(Some(1)));
    assert_eq!(sim.reply(&second), Some(Ok(())));
}
