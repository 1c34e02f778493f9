use antiphon::Sim;

use super::*;

#[test]
fn everybody_gets_a_haircut() {
    for seed in 0..10 {
        let mut sim = Sim::seeded(seed);
        let shop = sim.spawn::<Barber>(args! {});
        assert_eq!(sim.send(shop.run(20, 3)), Ok(20), "seed {seed}");
        assert_eq!(sim.send(shop.run(1, 1)), Ok(1), "seed {seed}");
        assert_eq!(sim.send(shop.run(0, 1)), Ok(0), "seed {seed}");
    }
}

#[test]
fn whoever_finds_the_room_full_is_turned_away() {
    let mut sim = Sim::seeded(1);
    let shop = sim.spawn::<Barber>(args! {});
    sim.send(shop.run(0, 2)).unwrap();
    let waiting = [sim.post(shop.enter()), sim.post(shop.enter())];
    sim.run();
    assert_eq!(sim.send(shop.enter()), Ok(false));
    assert_eq!(sim.view(&shop.turned_away()), Ok(1));
    assert!(waiting.iter().all(|ticket| sim.reply(ticket).is_none()));
}
