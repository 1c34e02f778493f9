//! Nodes in a ring that pass tokens on. The head spawns the others.

use std::time::Duration;

use antiphon::prelude::*;

/// The most nodes a ring has beside its head.
pub const NODES_MAX: u32 = 1_000;

/// How long to wait until all nodes are born: a large ring takes a while.
const BIRTH_PATIENCE: Duration = secs(600);

/// One node of a ring.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TokenRing {
    next: Option<ActorRef<Self>>,
    /// The nodes after this one, if it is the head.
    nodes: Vec<ActorRef<Self>>,
    passed: u64,
    arrived: Vec<u64>,
}

#[actor]
impl TokenRing {
    /// A node before `next`; without it, a head whose ring is not built yet.
    #[init]
    pub fn new(next: Option<ActorRef<Self>>) -> Self {
        Self { next, ..Self::default() }
    }

    /// How many tokens have come by, those that stay among them.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// The tokens whose way ended here, in the order in which they came.
    pub fn arrived(&self) -> Vec<u64> {
        self.arrived.clone()
    }

    /// The other nodes of the ring, in the direction of the tokens.
    pub fn nodes(&self) -> Vec<ActorRef<Self>> {
        self.nodes.clone()
    }

    /// Spawns the other nodes; replies how many nodes the ring has, once all are born.
    pub async fn build(this: State<Self>, cx: Context, nodes: u32) -> Result<u64, Error> {
        require!(nodes <= NODES_MAX, "a ring has at most {NODES_MAX} nodes beside its head");
        require!(this.with(|me| me.nodes.is_empty()), "the ring is built already");
        // From the last to the first: each is told its next, whose id is known before its birth.
        let mut next = Self::own(&cx);
        let mut children = Vec::new();
        for number in (1..=nodes).rev() {
            let child = cx.child::<Self>(&cx.own_module(), args! { next: next });
            let child = child.name(format!("node {number}")).deadline(BIRTH_PATIENCE).spawn();
            next = child.actor();
            children.push(child);
        }
        this.with(|me| {
            me.next = Some(next);
            me.nodes = children.iter().rev().map(Child::actor).collect();
        });
        let mut born = 1;
        for child in join_all(children).await {
            child?;
            born += 1;
        }
        Ok(born)
    }

    /// Sends tokens from `first` on, each over so many hops.
    pub fn start(&mut self, cx: &Context, first: u64, tokens: u64, hops: u64) -> Result<(), Error> {
        let next = self.next.ok_or("the ring is not built")?;
        let left = hops.checked_sub(1).ok_or("a token hops at least once")?;
        for token in first..first.saturating_add(tokens) {
            next.pass(token, left).tell(cx);
        }
        Ok(())
    }

    /// Takes a token and passes it on while there are hops left.
    pub fn pass(&mut self, cx: &Context, token: u64, left: u64) {
        self.passed += 1;
        match (left.checked_sub(1), self.next) {
            (Some(left), Some(next)) => next.pass(token, left).tell(cx),
            _ => self.arrived.push(token),
        }
    }
}

#[cfg(test)]
mod tests;
