use antiphon::{Sim, Ticket};

use super::*;

/// A slow stage, and a quick one before it.
fn pipeline(sim: &mut Sim) -> [ActorRef<Stage>; 2] {
    let none: Option<ActorRef<Stage>> = None;
    let last = sim.spawn::<Stage>(args! { next: none, capacity: 1, effort: 1_000 });
    let first = sim.spawn::<Stage>(args! { next: Some(last), capacity: 2, effort: 0 });
    [first, last]
}

fn push(sim: &mut Sim, stage: ActorRef<Stage>, count: usize) -> Vec<Ticket<()>> {
    (0..count).map(|number| sim.post(stage.push(number.to_string()))).collect()
}

#[test]
fn items_pass_every_stage() {
    for seed in 0..20 {
        let mut sim = Sim::seeded(seed);
        let [first, last] = pipeline(&mut sim);
        let tickets = push(&mut sim, first, 10);
        sim.pass(secs(60));
        for ticket in &tickets {
            assert_eq!(sim.reply(ticket), Some(Ok(())), "seed {seed}");
        }
        let mut finished = sim.view(&last.finished()).unwrap();
        finished.sort();
        let all: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        assert_eq!(finished, all, "seed {seed}");
        assert_eq!(sim.view(&first.load()), Ok(Load { inside: 0, waiting: 0, taken: 10 }));
    }
}

#[test]
fn a_slow_stage_makes_those_before_it_wait() {
    let mut sim = Sim::seeded(1);
    let [first, last] = pipeline(&mut sim);
    let tickets = push(&mut sim, first, 10);
    sim.pass(millis(500));
    // The last has one item, and keeps the first waiting with two. Nobody else gets in.
    assert_eq!(sim.view(&last.load()), Ok(Load { inside: 1, waiting: 2, taken: 1 }));
    assert_eq!(sim.view(&first.load()), Ok(Load { inside: 2, waiting: 7, taken: 3 }));
    let replied = tickets.iter().filter(|ticket| sim.reply(ticket).is_some()).count();
    assert_eq!(replied, 3);
}

#[test]
fn whoever_comes_when_too_many_wait_is_told_so() {
    let mut sim = Sim::seeded(1);
    let [_, last] = pipeline(&mut sim);
    let tickets = push(&mut sim, last, WAITING_MAX + 2);
    sim.pass(millis(500));
    let mut told = tickets.iter().filter_map(|ticket| sim.reply(ticket)?.err());
    assert_eq!(told.next().unwrap().code(), "busy");
    assert_eq!(told.next(), None);
}

#[test]
fn an_item_that_is_not_taken_is_kept_until_the_controller_says_what_to_do() {
    let mut sim = Sim::seeded(1);
    let [first, last] = pipeline(&mut sim);
    sim.refuse(last);
    sim.send(first.push("a".to_owned())).unwrap();
    sim.pass(secs(1));
    let stuck = sim.view(&first.stuck()).unwrap();
    assert!(stuck[&0].stuck.as_ref().unwrap().contains("effect: No"));
    assert!(sim.send(first.retry(1)).is_err());
    sim.reach(last);
    sim.send(first.retry(0)).unwrap();
    sim.pass(secs(10));
    assert_eq!(sim.view(&last.finished()), Ok(vec!["a".to_owned()]));
    assert_eq!(sim.view(&first.stuck()), Ok(BTreeMap::new()));
}

#[test]
fn nobody_else_makes_a_stage_work() {
    let mut sim = Sim::seeded(1);
    let [first, _] = pipeline(&mut sim);
    assert_eq!(sim.send(first.work(0)).unwrap_err().code(), Error::REFUSED);
}
