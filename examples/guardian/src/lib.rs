//! A guardian of workers: spawns them, looks after them by a timer and asks, and replaces those that
//! do not answer, until too many have failed.

use std::time::Duration;

use antiphon::prelude::*;

/// The most workers of a guardian.
pub const WORKERS_MAX: u32 = 1_000;
/// How many workers are replaced before the guardian gives up: what fails so often needs a person.
pub const RESTARTS_MAX: u64 = 10;

/// How often the guardian looks after its workers.
const PERIOD: Duration = secs(5);
/// How long a worker may take to answer.
const PATIENCE: Duration = secs(3);

/// A guardian, or one of its workers: they share a module.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Guardian {
    /// Those that are looked after; a worker has none.
    workers: Vec<ActorRef<Self>>,
    /// Whose turn it is.
    turn: usize,
    restarts: u64,
    rounds: Option<TimerId>,
    /// Whether this is a worker that does not answer any more.
    stuck: bool,
}

#[actor]
impl Guardian {
    /// Makes a guardian of so many workers; without any, a worker.
    #[init]
    pub fn new(cx: &Context, workers: u32) -> Result<Self, Error> {
        require!(workers <= WORKERS_MAX, "a guardian has {WORKERS_MAX} workers at most");
        let workers = (0..workers).map(|_| hire(cx).actor()).collect::<Vec<_>>();
        let rounds = (!workers.is_empty()).then(|| cx.every(PERIOD, Self::own(cx).look_after()));
        Ok(Self { workers, rounds, ..Self::default() })
    }

    /// The workers.
    pub fn workers(&self) -> Vec<ActorRef<Self>> {
        self.workers.clone()
    }

    /// How many workers were replaced.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether somebody is still looked after.
    pub fn on_duty(&self) -> bool {
        self.rounds.is_some()
    }

    /// Has the next worker square a number. If it does not answer, another is asked: the work does
    /// no harm if it is done twice.
    pub async fn run(this: State<Self>, cx: Context, number: u32) -> Result<u64, Error> {
        for _ in 0..this.with(|me| me.workers.len()) {
            let worker = this.with(Self::next).ok_or("there are no workers")?;
            match worker.square(number).deadline(PATIENCE).ask(&cx).await {
                Err(error) if error.is_system() => log!(cx, Level::Warn, "{worker:?}: {error}"),
                answer => return Ok(answer?),
            }
        }
        Err("no worker answers".into())
    }

    /// Asks all workers how they are, and replaces those that do not answer; only the timer does so.
    pub async fn look_after(this: State<Self>, cx: Context) -> Result<(), Error> {
        require!(cx.is_own(), "only the timer looks after the workers");
        let workers = this.with(|me| me.workers.clone());
        let asks = workers.iter().map(|worker| worker.ping().deadline(PATIENCE).ask(&cx));
        let failed = workers.iter().zip(join_all(asks).await).filter(|(_, pong)| pong.is_err());
        for (worker, _) in failed {
            this.with(|me| me.replace(&cx, *worker));
        }
        Ok(())
    }

    /// Squares a number: a worker's work.
    pub fn square(&mut self, cx: &Context, number: u32) -> Later<u64> {
        self.answer(cx, u64::from(number).pow(2))
    }

    /// Answers, if all is well.
    pub fn ping(&mut self, cx: &Context) -> Later<()> {
        self.answer(cx, ())
    }

    /// Makes a worker fail: it does not answer any more.
    pub fn jam(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller jams a worker");
        self.stuck = true;
        Ok(())
    }
}

impl Guardian {
    /// Replies, unless this worker is stuck. Then the call stays open until the asker gives up.
    fn answer<R>(&self, cx: &Context, value: R) -> Later<R> {
        if self.stuck { cx.reply_later().1 } else { Later::now(value) }
    }

    /// Whoever has waited longest for work.
    fn next(&mut self) -> Option<ActorRef<Self>> {
        self.turn = (self.turn + 1).checked_rem(self.workers.len())?;
        self.workers.get(self.turn).copied()
    }

    /// Puts a fresh worker in the place of one that failed, or gives up.
    fn replace(&mut self, cx: &Context, failed: ActorRef<Self>) {
        let place = self.workers.iter_mut().find(|worker| **worker == failed);
        let (Some(place), Some(rounds)) = (place, self.rounds) else { return };
        if self.restarts == RESTARTS_MAX {
            cx.cancel_timer(rounds);
            cx.emit_named("gave up", &self.restarts);
            self.rounds = None;
            return;
        }
        let fresh = hire(cx).actor();
        cx.emit_named("restart", &(failed, fresh));
        *place = fresh;
        self.restarts += 1;
    }
}

/// Spawns a worker. It can be asked before it is known to be born.
fn hire(cx: &Context) -> Child<Guardian> {
    cx.spawn(&cx.own_module(), args! { workers: 0 })
}

#[cfg(test)]
mod tests;
