//! Two actors that throw a ball to each other until it has been thrown often enough.

use antiphon::prelude::*;

/// One of two players.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PingPong {
    /// Whom this player plays with: named by `start`, or the first process that threw a ball.
    peer: Option<ActorRef<Self>>,
    caught: u64,
    last: Option<u64>,
}

#[actor]
impl PingPong {
    /// Waits for a ball.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many balls this player has caught.
    pub fn count(&self) -> u64 {
        self.caught
    }

    /// How many throws were left when this player caught the ball last.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Throws the first of `rounds` balls to `peer`.
    pub fn start(&mut self, cx: &Context, peer: ActorRef<Self>, rounds: u64) -> Result<(), Error> {
        let left = rounds.checked_sub(1).ok_or("a game has at least one round")?;
        self.peer = Some(peer);
        peer.ball(left).tell(cx);
        Ok(())
    }

    /// Catches a ball from the peer and throws it back while there are throws left.
    pub fn ball(&mut self, cx: &Context, left: u64) -> Result<(), Error> {
        let Principal::Process(sender) = cx.sender() else {
            return Err("only a process throws a ball".into());
        };
        let peer = *self.peer.get_or_insert_with(|| Self::at(sender));
        require!(peer.id() == sender, "this player plays with {}", peer.id());
        self.caught += 1;
        self.last = Some(left);
        if let Some(left) = left.checked_sub(1) {
            peer.ball(left).tell(cx);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
