//! A room in which members write, and whose latest posts can be read again.

use std::collections::{BTreeMap, VecDeque};

use antiphon::prelude::*;

/// How many posts a room remembers.
pub const HISTORY_MAX: usize = 1_000;
/// The longest text and the longest name, in bytes.
pub const TEXT_MAX: usize = 2_000;
pub const NAME_MAX: usize = 40;
/// How many members a room has at most.
pub const MEMBERS_MAX: usize = 1_000;

/// A room.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Room {
    topic: String,
    members: BTreeMap<Principal, String>,
    /// The latest posts, oldest first.
    posts: VecDeque<Post>,
    /// The number of the next post.
    next: u64,
}

/// What a member wrote. Also the event `posted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// 0 for a room's first post.
    pub number: u64,
    /// When it was written, by the room's scheduler.
    pub time: Timestamp,
    /// Who wrote it.
    pub from: Principal,
    /// What they were called then.
    pub name: String,
    /// What they wrote.
    pub text: String,
}

#[actor]
impl Room {
    /// An empty room.
    #[init]
    pub fn new(topic: String) -> Self {
        Self { topic, ..Self::default() }
    }

    /// What the room is about.
    pub fn topic(&self) -> String {
        self.topic.clone()
    }

    /// What the members are called.
    pub fn members(&self) -> Vec<String> {
        self.members.values().cloned().collect()
    }

    /// Posts from a number on, oldest first, as far as they are remembered.
    pub fn history(&self, from: u64, limit: u32) -> Vec<Post> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.posts.iter().filter(|post| post.number >= from).take(limit).cloned().collect()
    }

    /// Lets the sender in, or gives them another name. Follow the log to hear what is posted.
    pub fn join(&mut self, cx: &Context, name: String) -> Result<(), Error> {
        require!((1..=NAME_MAX).contains(&name.len()), "a name has 1 to {NAME_MAX} bytes");
        let sender = cx.sender();
        let taken = self.members.iter().any(|(member, other)| *other == name && *member != sender);
        require!(!taken, Error::new("name-taken", format!("somebody is called {name} already")));
        let is_in = self.members.contains_key(&sender);
        require!(is_in || self.members.len() < MEMBERS_MAX, "the room is full");
        cx.emit("joined", &name);
        self.members.insert(sender, name);
        Ok(())
    }

    /// Lets the sender out.
    pub fn leave(&mut self, cx: &Context) -> Result<(), Error> {
        let name = self.members.remove(&cx.sender()).ok_or_else(not_a_member)?;
        cx.emit("left", &name);
        Ok(())
    }

    /// Takes a post; replies its number.
    pub fn post(&mut self, cx: &Context, text: String) -> Result<u64, Error> {
        let name = self.members.get(&cx.sender()).cloned().ok_or_else(not_a_member)?;
        require!((1..=TEXT_MAX).contains(&text.len()), "a post has 1 to {TEXT_MAX} bytes");
        let number = self.next;
        self.next += 1;
        let post = Post { number, time: cx.now(), from: cx.sender(), name, text };
        cx.emit("posted", &post);
        if self.posts.len() == HISTORY_MAX {
            self.posts.pop_front();
        }
        self.posts.push_back(post);
        Ok(number)
    }
}

fn not_a_member() -> Error {
    Error::new("not-a-member", "join the room first")
}

#[cfg(test)]
mod tests;
