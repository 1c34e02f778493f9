//! Savina's dining philosophers: each thinks, and eats with the forks left and right of its seat.
//!
//! A table hands out both forks at once, or has whoever is hungry wait: nobody holds one fork and
//! waits for the other, so there is no deadlock.

use std::{collections::VecDeque, time::Duration};

use antiphon::prelude::*;

/// The most philosophers.
pub const PHILOSOPHERS_MAX: usize = 300;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A table, or a philosopher.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Philosophers {
    /// Whether the fork right of each seat is in use.
    used: Vec<bool>,
    /// Who waits for forks, by seat.
    hungry: VecDeque<(usize, OpenCall<()>)>,
    meals: u64,
}

#[actor]
impl Philosophers {
    /// A table without seats, or a philosopher.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has so many philosophers eat so often each; replies how many meals there were.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        philosophers: usize,
        rounds: u64,
    ) -> Result<u64, Error> {
        require!((2..=PHILOSOPHERS_MAX).contains(&philosophers), "2 to {PHILOSOPHERS_MAX} eat");
        this.with(|me| *me = Self { used: vec![false; philosophers], ..Self::default() });
        let table = Self::own(&cx);
        let dinners = (0..philosophers).map(|seat| {
            let philosopher = cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
            philosopher.dine(table, seat, rounds).deadline(PATIENCE).ask(&cx)
        });
        for dined in join_all(dinners).await {
            dined?;
        }
        let (meals, wanted) = (this.with(|me| me.meals), philosophers as u64 * rounds);
        require!(meals == wanted, "there were {meals} meals, not {wanted}");
        require!(this.with(|me| !me.used.contains(&true)), "a fork is missing");
        Ok(meals)
    }

    /// Eats so often. A philosopher does so.
    pub async fn dine(
        _this: State<Self>,
        cx: Context,
        table: ActorRef<Self>,
        seat: usize,
        rounds: u64,
    ) -> Result<(), Error> {
        for _ in 0..rounds {
            table.take(seat).deadline(PATIENCE).ask(&cx).await?;
            table.put_back(seat).deadline(PATIENCE).ask(&cx).await?;
        }
        Ok(())
    }

    /// Takes the forks of a seat, once both are free.
    pub fn take(&mut self, cx: &Context, seat: usize) -> Result<Later<()>, Error> {
        require!(seat < self.used.len(), "there is no such seat");
        let (call, later) = cx.reply_later();
        self.hungry.push_back((seat, call));
        self.serve(cx);
        Ok(later)
    }

    /// Puts the forks of a seat back after a meal.
    pub fn put_back(&mut self, cx: &Context, seat: usize) -> Result<(), Error> {
        require!(seat < self.used.len(), "there is no such seat");
        for fork in self.forks(seat) {
            let used = self.used.get_mut(fork).ok_or("there is no such seat")?;
            require!(*used, "the fork is on the table");
            *used = false;
        }
        self.meals += 1;
        self.serve(cx);
        Ok(())
    }
}

impl Philosophers {
    /// The forks left and right of a seat.
    const fn forks(&self, seat: usize) -> [usize; 2] {
        [seat, (seat + 1) % self.used.len()]
    }

    /// Gives forks to those whose forks are both free, whoever waited longest first.
    fn serve(&mut self, cx: &Context) {
        for _ in 0..self.hungry.len() {
            let Some((seat, call)) = self.hungry.pop_front() else { return };
            let forks = self.forks(seat);
            if forks.iter().any(|fork| self.used.get(*fork) == Some(&true)) {
                self.hungry.push_back((seat, call));
                continue;
            }
            for fork in forks {
                self.used.get_mut(fork).into_iter().for_each(|used| *used = true);
            }
            call.reply(cx, ());
        }
    }
}

#[cfg(test)]
mod tests;
