use antiphon::{Faults, Sim};

use super::*;

fn accounts(sim: &mut Sim, count: u64) -> Vec<ActorRef<Bank>> {
    (0..count).map(|_| sim.spawn(args! { balance: 100 })).collect()
}

fn total(sim: &mut Sim, accounts: &[ActorRef<Bank>]) -> u64 {
    let mut balance = |account: &ActorRef<Bank>| {
        sim.view(&account.balance()).unwrap() + sim.view(&account.under_way()).unwrap()
    };
    accounts.iter().map(&mut balance).sum()
}

#[test]
fn money_moves() {
    let mut sim = Sim::seeded(1);
    let all = accounts(&mut sim, 2);
    assert_eq!(sim.send(all[0].transfer(all[1], 30)), Ok(70));
    assert_eq!(sim.view(&all[1].balance()), Ok(130));
    assert_eq!(sim.view(&all[0].counts()), Ok((1, 0)));
}

#[test]
fn money_that_is_not_there_does_not_move() {
    let mut sim = Sim::seeded(1);
    let all = accounts(&mut sim, 2);
    assert_eq!(sim.send(all[0].transfer(all[1], 101)).unwrap_err().code(), Error::REFUSED);
    assert_eq!(total(&mut sim, &all), 200);
}

#[test]
fn money_comes_back_that_certainly_did_not_arrive() {
    let mut sim = Sim::seeded(1);
    let all = accounts(&mut sim, 2);
    let full = sim.spawn::<Bank>(args! { balance: u64::MAX });
    assert_eq!(sim.send(all[0].transfer(full, 30)).unwrap_err().code(), Error::REFUSED);
    sim.refuse(all[1]);
    assert!(sim.send(all[0].transfer(all[1], 30)).is_err());
    assert_eq!(sim.view(&all[0].balance()), Ok(100));
    assert_eq!(sim.view(&all[0].doubts()), Ok(vec![]));
}

#[test]
fn money_of_which_nobody_knows_is_kept_apart_until_it_is_settled() {
    let mut sim = Sim::seeded(1);
    let all = accounts(&mut sim, 2);
    sim.cut_off(all[1]);
    assert_eq!(sim.send(all[0].transfer(all[1], 30)).unwrap_err().code(), "expired");
    let doubts = sim.view(&all[0].doubts()).unwrap();
    let doubt = Doubt { slot: Slot::new(1), to: all[1].id(), amount: 30, code: "expired".into() };
    assert_eq!(doubts, [doubt]);
    assert_eq!(sim.view(&all[0].balance()), Ok(70));
    assert!(sim.send(all[0].settle(Slot::new(2), false)).is_err());
    assert_eq!(sim.send(all[0].settle(Slot::new(1), false)), Ok(100));
    assert_eq!(sim.view(&all[0].doubts()), Ok(vec![]));
}

#[test]
fn only_the_controller_moves_money() {
    let (state, cx) = (State::new(Bank::new(5)), Context::mock());
    let stranger = cx.sent_by(ProcessId::from_bytes([1; 32]));
    assert!(Bank::new(5).settle(&stranger, Slot::new(1), true).is_err());
    let to = Bank::at(ProcessId::from_bytes([2; 32]));
    let mut transfer = std::pin::pin!(Bank::transfer(state.clone(), stranger, to, 5));
    let waker = std::task::Waker::noop();
    let polled = transfer.as_mut().poll(&mut std::task::Context::from_waker(waker));
    assert!(matches!(polled, std::task::Poll::Ready(Err(_))));
    assert_eq!(state.with(|me| me.balance), 5);
}

#[test]
fn no_coin_is_lost_however_transfers_cross() {
    for seed in 0..20 {
        let mut sim = Sim::seeded(seed);
        let all = accounts(&mut sim, 4);
        let mut tickets = Vec::new();
        for (from, to, amount) in [(0, 1, 90), (1, 2, 150), (2, 0, 99), (3, 3, 50), (0, 3, 20)] {
            tickets.push(sim.post(all[from].transfer(all[to], amount)));
        }
        sim.run();
        assert!(tickets.iter().all(|ticket| sim.reply(ticket).is_some()), "seed {seed}");
        assert_eq!(total(&mut sim, &all), 400, "seed {seed}");
    }
}

#[test]
fn no_coin_is_lost_whatever_goes_wrong() {
    for seed in 0..20 {
        let mut sim = Sim::seeded(seed);
        let all = accounts(&mut sim, 3);
        sim.set_faults(Faults { lost: 30, delayed: 50, restarts: 20 });
        let transfers = [(0, 1, 90), (1, 2, 150), (2, 0, 99), (0, 2, 20)];
        let tickets = transfers.map(|(from, to, amount)| {
            let ticket = sim.post(all[from].transfer(all[to], amount));
            sim.pass(secs(1));
            ticket
        });
        sim.pass(secs(600));
        assert!(tickets.iter().all(|ticket| sim.reply(ticket).is_some()), "seed {seed}");
        assert_eq!(total(&mut sim, &all), 300, "seed {seed}");
        sim.check_replay();
    }
}
