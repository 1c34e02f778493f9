//! A pipeline: each stage works at its own pace, and takes no more than it has room for.
//!
//! A stage asks the next one to take an item, and the answer waits until there is room. So whoever
//! is slow slows down those before it, up to whoever feeds the first stage, and nothing piles up.

use std::{collections::VecDeque, time::Duration};

use antiphon::prelude::*;

/// The most stages of a pipeline.
pub const STAGES_MAX: u32 = 100;
/// The most callers that may wait for room in a stage.
pub const BLOCKED_MAX: usize = 100;
/// The most items of one `feed`.
pub const ITEMS_MAX: u64 = 10_000;

/// How long a stage waits for room in the next one.
const PATIENCE: Duration = secs(60 * 60);

/// One stage of a pipeline. It spawns those after it.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Pipeline {
    /// The first stage, which the last one gives what comes out.
    first: ActorRef<Self>,
    next: Option<ActorRef<Self>>,
    /// How many items may wait here.
    room: u32,
    /// How long an item takes here, in milliseconds.
    pace: u64,
    waiting: VecDeque<u64>,
    /// Those who wait for room, with what they bring.
    blocked: VecDeque<(u64, OpenCall<()>)>,
    working: bool,
    /// The most items that ever waited here.
    most: usize,
    /// What came out, in the first stage.
    out: Vec<u64>,
}

#[actor]
impl Pipeline {
    /// Makes a stage and `stages - 1` after it. In each there is room for so many items, and each
    /// takes so many milliseconds for one.
    #[init]
    pub fn new(
        cx: &Context,
        stages: u32,
        room: u32,
        pace: u64,
        first: Option<ActorRef<Self>>,
    ) -> Result<Self, Error> {
        require!((1..=STAGES_MAX).contains(&stages), "a pipeline has 1 to {STAGES_MAX} stages");
        require!(room > 0, "there is room for an item at least");
        let first = first.unwrap_or_else(|| Self::own(cx));
        let next = (stages > 1).then(|| {
            let args = args! { stages: stages - 1, room: room, pace: pace, first: first };
            cx.child::<Self>(&cx.own_module(), args).children(stages - 2).spawn().actor()
        });
        let (waiting, blocked, out) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Ok(Self { first, next, room, pace, waiting, blocked, working: false, most: 0, out })
    }

    /// What came out of the last stage, in order; the first stage knows.
    pub fn out(&self) -> Vec<u64> {
        self.out.clone()
    }

    /// The most items that ever waited here: never more than there is room for.
    pub fn most(&self) -> usize {
        self.most
    }

    /// The next stage, if this is not the last.
    pub fn next(&self) -> Option<ActorRef<Self>> {
        self.next
    }

    /// Takes an item, at once or when there is room for it.
    pub fn push(&mut self, cx: &Context, item: u64) -> Result<Later<()>, Error> {
        require!(self.blocked.len() < BLOCKED_MAX, "{BLOCKED_MAX} callers wait already");
        let (call, later) = cx.reply_later();
        self.blocked.push_back((item, call));
        self.admit(cx);
        if !self.working {
            self.working = true;
            Self::own(cx).work().tell(cx);
        }
        Ok(later)
    }

    /// Works until nothing waits; only the stage itself calls this.
    pub async fn work(this: State<Self>, cx: Context) -> Result<(), Error> {
        require!(cx.is_own(), "a stage works by itself");
        while let Some(item) = this.with(|me| me.take(&cx)) {
            cx.sleep(millis(this.with(|me| me.pace))).await;
            let done = item + 1;
            match this.with(|me| me.next) {
                Some(next) => next.push(done).deadline(PATIENCE).ask(&cx).await?,
                None => this.with(|me| me.first.arrive(done).tell(&cx)),
            }
        }
        Ok(())
    }

    /// Takes what came out of the last stage.
    pub fn arrive(&mut self, item: u64) {
        self.out.push(item);
    }

    /// Pushes the numbers below `items` into this stage, one after another as there is room.
    pub async fn feed(this: State<Self>, cx: Context, items: u64) -> Result<(), Error> {
        require!(items <= ITEMS_MAX, "{ITEMS_MAX} items at most");
        let first = this.with(|me| me.first);
        for item in 0..items {
            first.push(item).deadline(PATIENCE).ask(&cx).await?;
        }
        Ok(())
    }
}

impl Pipeline {
    /// Lets in whoever waited longest, while there is room.
    fn admit(&mut self, cx: &Context) {
        while self.waiting.len() < self.room as usize
            && let Some((item, call)) = self.blocked.pop_front()
        {
            self.waiting.push_back(item);
            call.reply(cx, ());
        }
        self.most = self.most.max(self.waiting.len());
    }

    /// The next item to work on.
    fn take(&mut self, cx: &Context) -> Option<u64> {
        let item = self.waiting.pop_front();
        self.working = item.is_some();
        self.admit(cx);
        item
    }
}

#[cfg(test)]
mod tests;
