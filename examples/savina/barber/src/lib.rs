//! Savina's sleeping barber: customers who find the waiting room full go away and come back later;
//! the barber sleeps while nobody waits.

use std::{collections::VecDeque, time::Duration};

use antiphon::prelude::*;

/// The most customers.
pub const CUSTOMERS_MAX: u32 = 300;

/// How long a customer stays away before it tries again; twice as long each time, up to a limit, so
/// that those who come in vain do not keep the shop from working.
const WALK: Duration = millis(5);
/// The limit.
const WALK_MAX: Duration = secs(1);
/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A shop, its barber or a customer.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Barber {
    /// How many customers may wait.
    chairs: usize,
    /// Who waits; each call is answered after the haircut.
    waiting: VecDeque<OpenCall<bool>>,
    /// Who is in the barber's chair.
    seated: Option<OpenCall<bool>>,
    /// The barber, if it sleeps.
    asleep: Option<OpenCall<bool>>,
    haircuts: u64,
    /// How often the room was full.
    turned_away: u64,
    closed: bool,
}

#[actor]
impl Barber {
    /// A shop without chairs, a barber or a customer.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often a customer was turned away.
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// Has so many customers get a haircut each, in a shop with so many chairs; replies how many
    /// haircuts there were.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        customers: u32,
        chairs: usize,
    ) -> Result<u64, Error> {
        require!(customers <= CUSTOMERS_MAX, "{CUSTOMERS_MAX} customers at most");
        require!(chairs > 0, "there is a chair at least");
        this.with(|me| *me = Self { chairs, ..Self::default() });
        let shop = Self::own(&cx);
        let spawn = || cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
        let works = spawn().work(shop).deadline(PATIENCE).ask(&cx);
        let visits = (0..customers).map(|_| spawn().visit(shop).deadline(PATIENCE).ask(&cx));
        for visited in join_all(visits).await {
            visited?;
        }
        this.with(|me| me.close(&cx));
        let by_barber = works.await?;
        let haircuts = this.with(|me| me.haircuts);
        require!(haircuts == u64::from(customers), "{haircuts} haircuts of {customers}");
        require!(by_barber == haircuts, "the barber counts {by_barber}, the shop {haircuts}");
        Ok(haircuts)
    }

    /// Gets a haircut, however often it has to come back. A customer does so.
    pub async fn visit(_this: State<Self>, cx: Context, shop: ActorRef<Self>) -> Result<(), Error> {
        let mut walk = WALK;
        while !shop.enter().deadline(PATIENCE).ask(&cx).await? {
            cx.sleep(walk).await;
            walk = WALK_MAX.min(2 * walk);
        }
        Ok(())
    }

    /// Cuts hair until the shop closes; replies how often. The barber does so.
    pub async fn work(_this: State<Self>, cx: Context, shop: ActorRef<Self>) -> Result<u64, Error> {
        let mut haircuts = 0;
        while shop.next().deadline(PATIENCE).ask(&cx).await? {
            haircuts += 1;
        }
        Ok(haircuts)
    }

    /// Waits for a haircut; replies false at once if the room is full.
    pub fn enter(&mut self, cx: &Context) -> Later<bool> {
        if self.waiting.len() >= self.chairs {
            self.turned_away += 1;
            return Later::now(false);
        }
        let (call, later) = cx.reply_later();
        self.waiting.push_back(call);
        self.wake(cx);
        later
    }

    /// Lets the customer in the barber's chair go and waits for the next; replies false if there is
    /// none any more. The barber does so.
    pub fn next(&mut self, cx: &Context) -> Later<bool> {
        if let Some(customer) = self.seated.take() {
            self.haircuts += 1;
            customer.reply(cx, true);
        }
        if self.closed {
            return Later::now(false);
        }
        let (call, later) = cx.reply_later();
        self.asleep = Some(call);
        self.wake(cx);
        later
    }
}

impl Barber {
    /// Seats the next customer, if the barber is free and somebody waits.
    fn wake(&mut self, cx: &Context) {
        if let Some(barber) = self.asleep.take_if(|_| !self.waiting.is_empty()) {
            self.seated = self.waiting.pop_front();
            barber.reply(cx, true);
        }
    }

    fn close(&mut self, cx: &Context) {
        self.closed = true;
        if let Some(barber) = self.asleep.take() {
            barber.reply(cx, false);
        }
    }
}

#[cfg(test)]
mod tests;
