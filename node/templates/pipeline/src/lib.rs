//! A stage of a pipeline. Each stage works on an item and asks the next one to take it.
//!
//! A stage has room for so many items. Where it is full, whoever brings one waits for the reply, so
//! that a slow stage slows down those before it, up to whoever feeds the first. Nobody polls.

use std::collections::{BTreeMap, VecDeque};

use antiphon::prelude::*;

/// How many may wait for room; whoever comes after them is told to come again.
pub const WAITING_MAX: usize = 100;
/// How long a stage waits until the next one takes an item.
const PATIENCE_SECONDS: u64 = 600;

/// A stage.
#[actor]
#[derive(Debug, Serialize, Deserialize)]
pub struct Stage {
    /// What takes the items from here; without it, they stay.
    next: Option<ActorRef<Self>>,
    /// How many items there is room for.
    capacity: u32,
    /// How long the work on an item takes, in milliseconds.
    effort: u64,
    /// The items at work, by number. An upgrade drops methods that wait, but not these.
    inside: BTreeMap<u64, Item>,
    /// Who waits for room, with what.
    waiting: VecDeque<(String, OpenCall<()>)>,
    finished: Vec<String>,
    count: u64,
}

/// An item at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it holds.
    pub text: String,
    /// Why the next stage has not taken it, as far as this one knows.
    pub stuck: Option<String>,
}

/// How full a stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Items at work.
    pub inside: u64,
    /// Items that wait for room.
    pub waiting: u64,
    /// Items taken so far.
    pub taken: u64,
}

#[actor]
impl Stage {
    /// A stage before another one, or the last.
    #[init]
    pub fn new(next: Option<ActorRef<Self>>, capacity: u32, effort: u64) -> Result<Self, Error> {
        require!((1..=1_000).contains(&capacity), "a stage has room for 1 to 1,000 items");
        Ok(Self {
            next,
            capacity,
            effort,
            inside: BTreeMap::new(),
            waiting: VecDeque::new(),
            finished: Vec::new(),
            count: 0,
        })
    }

    /// How full the stage is.
    pub fn load(&self) -> Load {
        let (inside, waiting) = (self.inside.len() as u64, self.waiting.len() as u64);
        Load { inside, waiting, taken: self.count }
    }

    /// What the last stage has finished.
    pub fn finished(&self) -> Vec<String> {
        self.finished.clone()
    }

    /// The items that the next stage has not taken, by number.
    pub fn stuck(&self) -> BTreeMap<u64, Item> {
        let stuck = self.inside.iter().filter(|(_, item)| item.stuck.is_some());
        stuck.map(|(number, item)| (*number, item.clone())).collect()
    }

    /// Takes an item; the reply comes when there is room for it.
    pub fn push(&mut self, cx: &Context, text: String) -> Result<Later<()>, Error> {
        if self.has_room() {
            self.take(cx, text);
            return Ok(Later::now(()));
        }
        self.waiting.retain(|(_, call)| call.is_open(cx));
        require!(self.waiting.len() < WAITING_MAX, Error::new("busy", "too many wait for room"));
        let (call, later) = cx.reply_later();
        self.waiting.push_back((text, call));
        Ok(later)
    }

    /// Works on an item and hands it on. The stage tells itself to do so.
    pub async fn work(this: State<Self>, cx: Context, number: u64) -> Result<(), Error> {
        require!(cx.is_own(), "the stage works by itself");
        let (next, effort) = this.with(|me| (me.next, me.effort));
        cx.sleep(millis(effort)).await;
        let text = this.with(|me| me.inside.get(&number).map(|item| item.text.clone()));
        let text = text.ok_or("there is no such item")?;
        if let Some(next) = next {
            let asked = next.push(text).deadline(secs(PATIENCE_SECONDS)).ask(&cx).await;
            if let Err(error) = asked {
                return this.with(|me| me.keep(number, &error));
            }
        } else {
            this.with(|me| me.finished.push(text));
        }
        this.with(|me| me.let_go(&cx, number));
        Ok(())
    }

    /// Works again on an item that is stuck. The next stage may have it twice if it is not known
    /// whether it took it.
    pub fn retry(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
        require!(cx.sender() == cx.controller(), "only the controller says so");
        let item = self.inside.get_mut(&number).filter(|item| item.stuck.is_some());
        item.ok_or("the item is not stuck")?.stuck = None;
        Self::own(cx).work(number).tell(cx);
        Ok(())
    }
}

impl Stage {
    fn has_room(&self) -> bool {
        (self.inside.len() as u64) < u64::from(self.capacity)
    }

    fn take(&mut self, cx: &Context, text: String) {
        let number = self.count;
        self.count += 1;
        self.inside.insert(number, Item { text, stuck: None });
        Self::own(cx).work(number).tell(cx);
    }

    /// Keeps an item that the next stage has not taken. It takes up room until somebody says what
    /// to do.
    fn keep(&mut self, number: u64, error: &AskError) -> Result<(), Error> {
        let why = format!("{error} (effect: {:?})", error.effect());
        self.inside.get_mut(&number).ok_or("there is no such item")?.stuck = Some(why);
        Ok(())
    }

    /// Makes room, and lets in whoever waits for it.
    fn let_go(&mut self, cx: &Context, number: u64) {
        self.inside.remove(&number);
        while self.has_room()
            && let Some((text, call)) = self.waiting.pop_front()
        {
            // Whoever has given up does not expect to be rid of the item.
            if call.is_open(cx) {
                call.reply(cx, ());
                self.take(cx, text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
