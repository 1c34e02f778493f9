//! Savina's sieve of Eratosthenes: a chain of actors, each lets pass what none of its primes divides.
//!
//! An actor keeps so many primes, and spawns the next when it needs one.

use std::time::Duration;

use antiphon::prelude::*;

/// The most primes of one actor.
pub const ROOM_MAX: usize = 1_000;
/// The most actors of a chain.
pub const ACTORS_MAX: u32 = 1_000;

/// How many candidates are told in one slot: an outbox has 1,024 items at the most.
const BATCH: usize = 500;
/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// An actor of the chain, or the one that candidates come from.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Sieve {
    /// How many primes it keeps at most.
    room: usize,
    /// How many actors there can still be behind it.
    actors: u32,
    primes: Vec<u32>,
    next: Option<ActorRef<Self>>,
}

#[actor]
impl Sieve {
    /// An actor with room for so many primes, and so many actors behind it.
    #[init]
    pub fn new(room: usize, actors: u32) -> Self {
        Self { room, actors, ..Self::default() }
    }

    /// How many primes this one keeps.
    pub fn kept(&self) -> usize {
        self.primes.len()
    }

    /// Counts the primes below a limit, so many in each actor.
    pub async fn run(
        _this: State<Self>,
        cx: Context,
        limit: u32,
        room: usize,
    ) -> Result<u64, Error> {
        require!((1..=ROOM_MAX).contains(&room), "an actor keeps 1 to {ROOM_MAX} primes");
        let args = args! { room: room, actors: ACTORS_MAX };
        let first = cx.child::<Self>(&cx.own_module(), args).children(ACTORS_MAX).spawn().actor();
        let mut candidates = (2..limit).peekable();
        while candidates.peek().is_some() {
            candidates.by_ref().take(BATCH).for_each(|number| first.sieve(number).tell(&cx));
            // Not more of them are under way than the first can take.
            first.kept().deadline(PATIENCE).ask(&cx).await?;
        }
        let primes = first.count().deadline(PATIENCE).ask(&cx).await?;
        let known = known(limit);
        require!(primes == known, "{primes} primes are below {limit}, not {known}");
        Ok(primes)
    }

    /// Takes a number that no prime before this actor divides.
    pub fn sieve(&mut self, cx: &Context, number: u32) -> Result<(), Error> {
        if self.primes.iter().any(|prime| number.is_multiple_of(*prime)) {
            return Ok(());
        }
        if self.primes.len() < self.room {
            self.primes.push(number);
            return Ok(());
        }
        let next = match self.next {
            Some(next) => next,
            None => self.extend(cx)?,
        };
        next.sieve(number).tell(cx);
        Ok(())
    }

    /// Counts the primes of this actor and those behind it. What was told before is counted.
    pub async fn count(this: State<Self>, cx: Context) -> Result<u64, Error> {
        let mut count = this.with(|me| me.primes.len() as u64);
        if let Some(next) = this.with(|me| me.next) {
            count += next.count().deadline(PATIENCE).ask(&cx).await?;
        }
        Ok(count)
    }
}

impl Sieve {
    /// Spawns the next actor of the chain.
    fn extend(&mut self, cx: &Context) -> Result<ActorRef<Self>, Error> {
        let actors = self.actors.checked_sub(1).ok_or("the chain is too long")?;
        let args = args! { room: self.room, actors: actors };
        let next = cx.child::<Self>(&cx.own_module(), args).children(actors).spawn().actor();
        self.next = Some(next);
        Ok(next)
    }
}

/// How many primes are below a limit, by the same sieve in one place.
fn known(limit: u32) -> u64 {
    let mut composite = vec![false; limit as usize];
    let mut primes = 0;
    for number in 2..limit as usize {
        if composite.get(number) == Some(&false) {
            primes += 1;
            composite.iter_mut().step_by(number).for_each(|multiple| *multiple = true);
        }
    }
    primes
}

#[cfg(test)]
mod tests;
