//! Savina's concurrent dictionary: many actors read and write the entries that one actor holds.

use std::{collections::BTreeMap, time::Duration};

use antiphon::prelude::*;

/// The most workers.
pub const WORKERS_MAX: u32 = 300;
/// How many keys there are.
pub const KEYS: u64 = 512;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// A dictionary, or one of those who use it.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Dictionary {
    entries: BTreeMap<u64, u64>,
    reads: u64,
    writes: u64,
}

#[actor]
impl Dictionary {
    /// A dictionary without entries, or a worker.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Has so many workers do so many steps each, of which so many in a hundred write; replies how
    /// many reads and writes there were.
    pub async fn run(
        this: State<Self>,
        cx: Context,
        workers: u32,
        steps: u64,
        writes: u64,
    ) -> Result<u64, Error> {
        require!(workers <= WORKERS_MAX, "{WORKERS_MAX} workers at most");
        this.with(|me| (me.reads, me.writes) = (0, 0));
        let dictionary = Self::own(&cx);
        let work = (0..workers).map(|number| {
            let worker = cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
            worker.work(dictionary, number, steps, writes).deadline(PATIENCE).ask(&cx)
        });
        for worked in join_all(work).await {
            worked?;
        }
        let done = this.with(|me| me.reads + me.writes);
        let sent = u64::from(workers) * steps;
        require!(done == sent, "{done} steps were done of {sent}");
        Ok(done)
    }

    /// Reads and writes; checks what it reads. A worker does so.
    pub async fn work(
        _this: State<Self>,
        cx: Context,
        dictionary: ActorRef<Self>,
        number: u32,
        steps: u64,
        writes: u64,
    ) -> Result<(), Error> {
        let mut random = Random(u64::from(number));
        for _ in 0..steps {
            let key = random.below(KEYS);
            if random.below(100) < writes {
                dictionary.write(key, value(key)).deadline(PATIENCE).ask(&cx).await?;
            } else {
                let read = dictionary.read(key).deadline(PATIENCE).ask(&cx).await?;
                require!(read.is_none_or(|read| read == value(key)), "{key} has {read:?}");
            }
        }
        Ok(())
    }

    /// Gives a key a value; replies the one it had.
    pub fn write(&mut self, key: u64, value: u64) -> Option<u64> {
        self.writes += 1;
        self.entries.insert(key, value)
    }

    /// Replies the value of a key. It counts, so it is a message and no view.
    pub fn read(&mut self, key: u64) -> Option<u64> {
        self.reads += 1;
        self.entries.get(&key).copied()
    }
}

/// The only value that anybody writes for a key.
const fn value(key: u64) -> u64 {
    key * key + 1
}

/// A linear congruential generator: equal numbers do equal work wherever they do it.
struct Random(u64);

impl Random {
    const fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[cfg(test)]
mod tests;
