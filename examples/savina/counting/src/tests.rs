use antiphon::Sim;

use super::*;

#[test]
fn every_message_is_counted_once() {
    for (seed, messages) in [(1, 0), (2, 1), (3, 499), (4, 500), (5, 1_201)] {
        let mut sim = Sim::seeded(seed);
        let counting = sim.spawn::<Counting>(args! {});
        assert_eq!(sim.send(counting.run(messages)), Ok(messages));
        assert_eq!(sim.view(&counting.count()), Ok(0), "the other one counts");
    }
}
