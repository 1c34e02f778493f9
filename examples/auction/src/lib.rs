//! An auction: whoever bids most when it closes gets the item, everybody else their money back.
//!
//! A bid is a transfer. An account of the example `bank` that moves money to this process asks it to
//! `deposit`, as it would ask another account; what was refused did not arrive, and stays there.

use std::time::Duration;

use antiphon::prelude::*;
use bank::Bank;

/// The longest an auction is open.
pub const OPEN_MAX: Duration = secs(30 * 24 * 60 * 60);
/// Whoever bids late leaves the others so much time at least.
pub const TIME_TO_THINK: Duration = secs(5);

/// The timer that closes the auction: set again, it is put off.
const CLOSING: TimerId = TimerId::new(0);

/// An auction of one item.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Auction {
    item: String,
    seller: ActorRef<Bank>,
    /// What the first bid has to be at least.
    reserve: u64,
    best: Option<Bid>,
    bids: u64,
    closes: Timestamp,
    closed: bool,
}

/// A bid: the money is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// The account that it is from, and that it goes back to.
    pub from: ActorRef<Bank>,
    /// How much it is.
    pub amount: u64,
}

#[actor]
impl Auction {
    /// Opens an auction for so many milliseconds. The seller's account gets the money.
    #[init]
    pub fn new(
        cx: &Context,
        item: String,
        seller: ActorRef<Bank>,
        reserve: u64,
        open_for: u64,
    ) -> Result<Self, Error> {
        require!(millis(open_for) <= OPEN_MAX, "an auction is open for 30 days at most");
        let closes = cx.now().saturating_add(open_for);
        cx.set_timer(CLOSING, Schedule::at(closes), "close", args! {});
        Ok(Self { item, seller, reserve, best: None, bids: 0, closes, closed: false })
    }

    /// What is sold.
    pub fn item(&self) -> String {
        self.item.clone()
    }

    /// The highest bid; once the auction is closed, the winner's.
    pub fn best(&self) -> Option<Bid> {
        self.best
    }

    /// How many bids were taken.
    pub fn bids(&self) -> u64 {
        self.bids
    }

    /// When the auction closes, in milliseconds since the epoch, if nobody bids late.
    pub fn closes(&self) -> Timestamp {
        self.closes
    }

    /// Whether the auction is closed.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// Bids, in the place of an account's `deposit`; replies the highest bid. Whoever is outbid gets
    /// the money back at once.
    pub fn deposit(&mut self, cx: &Context, amount: u64) -> Result<u64, Error> {
        let Principal::Process(account) = cx.sender() else {
            return Err("a bid is a transfer of an account: its controller makes it".into());
        };
        require!(!self.closed, "the auction is closed");
        require!(amount >= self.reserve, "the first bid is {} at least", self.reserve);
        if let Some(best) = self.best {
            require!(amount > best.amount, "the highest bid is {}", best.amount);
            best.from.deposit(best.amount).tell(cx);
        }
        let bid = Bid { from: Bank::at(account), amount };
        cx.emit_named("bid", &bid);
        self.best = Some(bid);
        self.bids += 1;
        self.put_off(cx);
        Ok(amount)
    }

    /// Closes the auction and pays the seller; only the timer does so.
    pub fn close(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.is_own(), "only the timer closes the auction");
        self.closed = true;
        if let Some(best) = self.best {
            self.seller.deposit(best.amount).tell(cx);
        }
        cx.emit_named("closed", &self.best);
        Ok(())
    }
}

impl Auction {
    /// Gives the others time to think about a bid.
    fn put_off(&mut self, cx: &Context) {
        let soonest = cx.now().saturating_add(TIME_TO_THINK.as_secs() * 1_000);
        if self.closes < soonest {
            self.closes = soonest;
            cx.set_timer(CLOSING, Schedule::at(soonest), "close", args! {});
        }
    }
}

#[cfg(test)]
mod tests;
