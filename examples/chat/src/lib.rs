//! A chat room: join it, post in it, read what was said page by page, follow it by events.

use std::collections::{BTreeMap, VecDeque};

use antiphon::prelude::*;

/// The most members at a time.
pub const MEMBERS_MAX: usize = 10_000;
/// The most posts that are kept: the oldest go first.
pub const POSTS_MAX: usize = 10_000;
/// The longest text of a post, in bytes.
pub const TEXT_MAX: usize = 4_000;
/// The longest name, in bytes.
pub const NAME_MAX: usize = 40;
/// The most posts of one page.
pub const PAGE_MAX: usize = 50;

/// A chat room.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Chat {
    topic: String,
    members: BTreeMap<Principal, String>,
    posts: VecDeque<Post>,
    /// How many posts there were, those that are not kept any more among them.
    posted: u64,
}

/// What somebody said, as the view `history` lists it and the event `post` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Counts the posts of the room, from 0 on.
    pub number: u64,
    /// When it was ordered, in milliseconds since the epoch.
    pub time: Timestamp,
    /// The name of whoever said it, at that time.
    pub author: String,
    /// What was said.
    pub text: String,
}

#[actor]
impl Chat {
    /// Opens a room.
    #[init]
    pub fn new(topic: String) -> Self {
        Self { topic, ..Self::default() }
    }

    /// What the room is about.
    pub fn topic(&self) -> String {
        self.topic.clone()
    }

    /// Who is in the room.
    pub fn members(&self) -> Vec<String> {
        self.members.values().cloned().collect()
    }

    /// A page of posts, the newest last: those before a number, or the newest of all. The number of
    /// its first post asks for the page before.
    pub fn history(&self, before: Option<u64>) -> Vec<Post> {
        let before = before.unwrap_or(self.posted);
        let end = self.posts.partition_point(|post| post.number < before);
        self.posts.range(end.saturating_sub(PAGE_MAX)..end).cloned().collect()
    }

    /// Comes in under a name, or takes another one.
    pub fn join(&mut self, cx: &Context, name: String) -> Result<(), Error> {
        require!(!name.is_empty() && name.len() <= NAME_MAX, "a name has 1 to {NAME_MAX} bytes");
        require!(!self.members.values().any(|taken| *taken == name), "the name is taken");
        let known = self.members.contains_key(&cx.sender());
        require!(known || self.members.len() < MEMBERS_MAX, "the room is full");
        cx.emit_named("join", &name);
        self.members.insert(cx.sender(), name);
        Ok(())
    }

    /// Goes out.
    pub fn leave(&mut self, cx: &Context) {
        if let Some(name) = self.members.remove(&cx.sender()) {
            cx.emit_named("leave", &name);
        }
    }

    /// Says something; replies the number of the post.
    pub fn post(&mut self, cx: &Context, text: String) -> Result<u64, Error> {
        let author = self.members.get(&cx.sender()).ok_or("only members post: `join` first")?;
        require!(!text.is_empty() && text.len() <= TEXT_MAX, "a post has 1 to {TEXT_MAX} bytes");
        let number = self.posted;
        let post = Post { number, time: cx.time(), author: author.clone(), text };
        cx.emit_named("post", &post);
        if self.posts.len() == POSTS_MAX {
            self.posts.pop_front();
        }
        self.posts.push_back(post);
        self.posted += 1;
        Ok(number)
    }
}

#[cfg(test)]
mod tests;
