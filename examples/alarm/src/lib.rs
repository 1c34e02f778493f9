//! An alarm: rings once or again and again, and wakes whoever waits for its next ring.

use antiphon::prelude::*;

/// The timer of an alarm. It has one, so that setting it again replaces it.
const TIMER: TimerId = TimerId::new(0);

/// An alarm.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Alarm {
    rings: u64,
    /// Whoever waits for the next ring.
    waiting: Vec<OpenCall<u64>>,
}

#[actor]
impl Alarm {
    /// An alarm that is not set.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often it has rung.
    pub fn rings(&self) -> u64 {
        self.rings
    }

    /// Rings once after so many milliseconds.
    pub fn once(&mut self, cx: &Context, after: u64) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller sets the alarm");
        let due = cx.now().saturating_add(after);
        cx.set_timer(TIMER, Schedule::at(due), "ring", args! {});
        Ok(())
    }

    /// Rings every so many milliseconds. With `catch_up`, also for each time that was missed.
    pub fn every(&mut self, cx: &Context, period: u64, catch_up: bool) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller sets the alarm");
        let schedule = Schedule::at(cx.now().saturating_add(period)).every(millis(period));
        let schedule = if catch_up { schedule.catch_up() } else { schedule };
        cx.set_timer(TIMER, schedule, "ring", args! {});
        Ok(())
    }

    /// Rings no more.
    pub fn cancel(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller cancels the alarm");
        cx.cancel_timer(TIMER);
        Ok(())
    }

    /// Rings; only the timer does so.
    pub fn ring(&mut self, cx: &Context) -> Result<(), Error> {
        require!(cx.is_own(), "only the timer rings");
        self.rings += 1;
        for call in self.waiting.drain(..) {
            call.reply(cx, self.rings);
        }
        Ok(())
    }

    /// Waits for the next ring; replies how often it has rung then.
    pub fn wait(&mut self, cx: &Context) -> Later<u64> {
        let (call, later) = cx.reply_later();
        self.waiting.push(call);
        later
    }

    /// Waits for the next ring of another alarm, for so many milliseconds at the most. The error's
    /// detail begins with whether the other took note: `Yes`, `No` or `Unknown`.
    pub async fn listen(
        _this: State<Self>,
        cx: Context,
        to: ActorRef<Self>,
        patience: u64,
    ) -> Result<u64, Error> {
        let ring = to.wait().deadline(millis(patience)).ask(&cx).await;
        ring.map_err(|error| {
            let (effect, code) = (error.effect(), error.code().to_owned());
            Error::new(code, format!("{effect:?}: {}", error.detail()))
        })
    }
}

#[cfg(test)]
mod tests;
