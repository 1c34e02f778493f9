use antiphon::Sim;

use super::*;

/// A seller, an auction that is open for a minute, and two bidders with 100 each.
fn sale(seed: u64) -> (Sim, ActorRef<Bank>, ActorRef<Auction>, [ActorRef<Bank>; 2]) {
    let mut sim = Sim::seeded(seed);
    let seller = sim.spawn::<Bank>(args! { balance: 0 });
    let bidders = [sim.spawn(args! { balance: 100 }), sim.spawn(args! { balance: 100 })];
    let what = args! { item: "a lyre", seller: seller, reserve: 10, open_for: 60_000 };
    let auction = sim.spawn::<Auction>(what);
    (sim, seller, auction, bidders)
}

/// How an account bids: it takes the auction for another account.
fn bid(from: ActorRef<Bank>, auction: ActorRef<Auction>, amount: u64) -> antiphon::Call<u64> {
    from.transfer(Bank::at(auction.id()), amount)
}

fn balances(sim: &mut Sim, accounts: &[ActorRef<Bank>]) -> Vec<u64> {
    accounts.iter().map(|account| sim.view(&account.balance()).unwrap()).collect()
}

#[test]
fn the_highest_bid_wins_and_the_others_get_their_money_back() {
    let (mut sim, seller, auction, [ann, ben]) = sale(1);
    assert_eq!(sim.send(bid(ann, auction, 20)), Ok(80));
    assert_eq!(sim.send(bid(ben, auction, 30)), Ok(70));
    assert_eq!(balances(&mut sim, &[seller, ann, ben]), [0, 100, 70]);
    sim.pass(secs(60));
    assert_eq!(sim.view(&auction.closed()), Ok(true));
    assert_eq!(sim.view(&auction.best()), Ok(Some(Bid { from: ben, amount: 30 })));
    assert_eq!(balances(&mut sim, &[seller, ann, ben]), [30, 100, 70]);
}

#[test]
fn money_of_a_bid_that_is_refused_stays_where_it_is() {
    let (mut sim, seller, auction, [ann, ben]) = sale(1);
    assert!(sim.send(bid(ann, auction, 9)).is_err(), "below the reserve");
    sim.send(bid(ann, auction, 20)).unwrap();
    assert!(sim.send(bid(ben, auction, 20)).is_err(), "not higher");
    assert!(sim.send(auction.deposit(50)).is_err(), "no account");
    sim.pass(secs(60));
    assert!(sim.send(bid(ben, auction, 50)).is_err(), "closed");
    assert!(sim.send(auction.close()).is_err(), "only the timer closes");
    assert_eq!(balances(&mut sim, &[seller, ann, ben]), [20, 80, 100]);
}

#[test]
fn a_late_bid_puts_the_closing_off() {
    let (mut sim, seller, auction, [ann, ben]) = sale(1);
    sim.send(bid(ann, auction, 20)).unwrap();
    assert_eq!(sim.view(&auction.closes()), Ok(Timestamp::new(60_000)));
    sim.pass(secs(58));
    sim.send(bid(ben, auction, 30)).unwrap();
    assert_eq!(sim.view(&auction.closes()), Ok(Timestamp::new(63_000)));
    sim.pass(secs(4));
    assert_eq!(sim.view(&auction.closed()), Ok(false));
    sim.send(bid(ann, auction, 40)).unwrap();
    sim.pass(secs(6));
    assert_eq!(balances(&mut sim, &[seller, ann, ben]), [40, 60, 100]);
}

#[test]
fn an_auction_without_bids_closes_too() {
    let (mut sim, seller, auction, _) = sale(1);
    sim.pass(secs(60));
    assert_eq!(sim.view(&auction.closed()), Ok(true));
    assert_eq!(balances(&mut sim, &[seller]), [0]);
}

#[test]
fn no_coin_is_lost_however_bids_cross() {
    for seed in 0..20 {
        let (mut sim, seller, auction, [ann, ben]) = sale(seed);
        let bids = [(ann, 30), (ben, 40), (ben, 35), (ann, 60)];
        let tickets = bids.map(|(from, amount)| sim.post(bid(from, auction, amount)));
        sim.pass(secs(60));
        assert!(tickets.iter().all(|ticket| sim.reply(ticket).is_some()), "seed {seed}");
        let all: u64 = balances(&mut sim, &[seller, ann, ben]).iter().sum();
        assert_eq!(all, 200, "seed {seed}");
    }
}
