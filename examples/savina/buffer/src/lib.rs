//! Savina's producer-consumer: many put items into a buffer with little room, many take them out.

use std::{collections::VecDeque, time::Duration};

use antiphon::prelude::*;

/// The most producers, and the most consumers.
pub const ACTORS_MAX: u32 = 150;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A buffer, a producer or a consumer.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Buffer {
    /// How many items there is room for.
    room: usize,
    items: VecDeque<u64>,
    /// The most items that were ever here.
    most: usize,
    /// Who waits for room, with what they bring.
    putting: VecDeque<(u64, OpenCall<()>)>,
    /// Who waits for items.
    taking: VecDeque<OpenCall<Option<u64>>>,
    closed: bool,
}

#[actor]
impl Buffer {
    /// A buffer without room, a producer or a consumer.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most items that were ever in the buffer.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Has so many producers put so many items each, and so many consumers take them; replies how
    /// many were taken. Each item is taken once.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        producers: u32,
        consumers: u32,
        items: u64,
        room: usize,
    ) -> Result<u64, Error> {
        require!(producers.max(consumers) <= ACTORS_MAX, "{ACTORS_MAX} of each kind at most");
        require!(consumers > 0 && room > 0, "there are a consumer and room for an item at least");
        this.with(|me| *me = Self { room, ..Self::default() });
        let buffer = Self::own(&cx);
        let spawn = || cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
        let consume = (0..consumers).map(|_| spawn().consume(buffer).deadline(PATIENCE).ask(&cx));
        let consume: Vec<_> = consume.collect();
        let produce = (0..u64::from(producers)).map(|number| {
            spawn().produce(buffer, number * items, items).deadline(PATIENCE).ask(&cx)
        });
        for produced in join_all(produce).await {
            produced?;
        }
        this.with(|me| me.close(&cx));
        let (mut taken, mut sum) = (0, 0);
        for consumed in join_all(consume).await {
            let (count, part) = consumed?;
            (taken, sum) = (taken + count, sum + part);
        }
        let all = u64::from(producers) * items;
        require!(taken == all, "{taken} items were taken of {all}");
        require!(
            sum == (0..all).sum::<u64>(),
            "some items were taken twice, and others not at all"
        );
        Ok(taken)
    }

    /// Puts `items` numbers from `first` on. A producer does so.
    pub async fn produce(
        _this: State<Self>,
        cx: Context,
        buffer: ActorRef<Self>,
        first: u64,
        items: u64,
    ) -> Result<(), Error> {
        for item in first..first + items {
            buffer.put(item).deadline(PATIENCE).ask(&cx).await?;
        }
        Ok(())
    }

    /// Takes items until there are no more; replies how many, and their sum. A consumer does so.
    pub async fn consume(
        _this: State<Self>,
        cx: Context,
        buffer: ActorRef<Self>,
    ) -> Result<(u64, u64), Error> {
        let (mut count, mut sum) = (0, 0);
        while let Some(item) = buffer.take().deadline(PATIENCE).ask(&cx).await? {
            (count, sum) = (count + 1, sum + item);
        }
        Ok((count, sum))
    }

    /// Puts an item, once there is room.
    pub fn put(&mut self, cx: &Context, item: u64) -> Later<()> {
        let (call, later) = cx.reply_later();
        self.putting.push_back((item, call));
        self.shift(cx);
        later
    }

    /// Takes an item, once there is one; nothing, if there will be none any more.
    pub fn take(&mut self, cx: &Context) -> Later<Option<u64>> {
        let (call, later) = cx.reply_later();
        self.taking.push_back(call);
        self.shift(cx);
        later
    }
}

impl Buffer {
    /// Lets items in while there is room, and out while somebody wants them.
    fn shift(&mut self, cx: &Context) {
        loop {
            if let Some((item, call)) = self.putting.pop_front_if(|_| self.items.len() < self.room)
            {
                self.items.push_back(item);
                self.most = self.most.max(self.items.len());
                call.reply(cx, ());
            } else if let Some(call) = self.taking.pop_front_if(|_| !self.items.is_empty()) {
                call.reply(cx, self.items.pop_front());
            } else {
                break;
            }
        }
        if self.closed {
            self.taking.drain(..).for_each(|call| call.reply(cx, None));
        }
    }

    fn close(&mut self, cx: &Context) {
        self.closed = true;
        self.shift(cx);
    }
}

#[cfg(test)]
mod tests;
