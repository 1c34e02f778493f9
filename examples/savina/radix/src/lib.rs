//! Savina's radix sort: a chain of actors, one for each bit, that integers flow through.
//!
//! A stage lets a value without its bit pass at once and holds one with it back until all values have
//! come. From the lowest bit to the highest, that sorts them.

use std::time::Duration;

use antiphon::prelude::*;

/// The most values: those that a stage holds back leave in one slot, whose outbox has 1,024 items.
pub const VALUES_MAX: usize = 1_000;
/// The most bits of a value.
pub const BITS_MAX: u32 = 64;

/// How long sorting may take.
const PATIENCE: Duration = secs(60 * 60);

/// A stage of the chain, or the one that values come from and go to.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Radix {
    /// The bit and the next one, if this is a stage.
    stage: Option<(u32, ActorRef<Self>)>,
    /// How many values there are.
    all: usize,
    come: usize,
    /// Values with the bit in a stage; those that came out at the end of the chain.
    held: Vec<u64>,
    sum: u64,
    call: Option<OpenCall<usize>>,
}

#[actor]
impl Radix {
    /// A stage for a bit and so many values before `next`; without a stage, source and end.
    #[init]
    pub fn new(stage: Option<(u32, ActorRef<Self>)>, all: usize) -> Self {
        Self { stage, all, ..Self::default() }
    }

    /// The values that came out.
    pub fn sorted(&self) -> Vec<u64> {
        self.held.clone()
    }

    /// Sorts so many random values of so many bits; replies how many came out, in order.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        values: usize,
        bits: u32,
        seed: u64,
    ) -> Result<usize, Error> {
        require!((1..=VALUES_MAX).contains(&values), "there are 1 to {VALUES_MAX} values");
        require!((1..=BITS_MAX).contains(&bits), "a value has 1 to {BITS_MAX} bits");
        // From the last to the first: each is told its next, whose id is known before its birth.
        let own = Self::own(&cx);
        let (mut first, mut stages) = (own, Vec::new());
        for bit in (0..bits).rev() {
            let stage =
                cx.spawn::<Self>(&cx.own_module(), args! { stage: (bit, first), all: values });
            first = stage.actor();
            stages.push(stage);
        }
        for stage in join_all(stages).await {
            stage?;
        }
        require!(this.with(|me| me.come >= me.all), "there are values under way");
        this.with(|me| *me = Self { all: values, ..Self::default() });
        let mut random = seed;
        for _ in 0..values {
            // A linear congruential generator, whose upper bits are the better ones.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = random >> (BITS_MAX - bits);
            this.with(|me| me.sum = me.sum.wrapping_add(value));
            first.take(value).tell(&cx);
        }
        Ok(own.sort().deadline(PATIENCE).ask(&cx).await?)
    }

    /// Waits until all values have come out; replies how many.
    pub fn sort(&mut self, cx: &Context) -> Later<usize> {
        let (call, later) = cx.reply_later();
        self.call = Some(call);
        self.check(cx);
        later
    }

    /// Takes a value from the stage before.
    pub fn take(&mut self, cx: &Context, value: u64) {
        self.come += 1;
        match self.stage {
            Some((bit, next)) if value >> bit & 1 == 0 => next.take(value).tell(cx),
            _ => self.held.push(value),
        }
        match self.stage {
            Some(_) if self.come < self.all => {}
            Some((_, next)) => self.held.drain(..).for_each(|value| next.take(value).tell(cx)),
            None => self.check(cx),
        }
    }
}

impl Radix {
    /// Once all are there, says whether they are in order and the same that went in.
    fn check(&mut self, cx: &Context) {
        let Some(call) = self.call.take_if(|_| self.come >= self.all) else { return };
        let sum = self.held.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value));
        if !self.held.is_sorted() {
            call.fail(cx, "the values are not in order");
        } else if sum != self.sum {
            call.fail(cx, "other values came out than went in");
        } else {
            call.reply(cx, self.held.len());
        }
    }
}

#[cfg(test)]
mod tests;
