//! Savina's big: many actors, each pings others at random, one after the other.

use std::time::Duration;

use antiphon::prelude::*;

/// The most actors.
pub const ACTORS_MAX: u32 = 300;

/// How long anything may take.
const PATIENCE: Duration = secs(60 * 60);

/// One of many, or the one that spawns them.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Big {
    pinged: u64,
}

#[actor]
impl Big {
    /// Nobody has pinged it.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has so many actors ping so often each; replies how many pings arrived.
    pub async fn run(
        _this: State<Self>,
        cx: Context,
        actors: u32,
        pings: u64,
    ) -> Result<u64, Error> {
        require!((1..=ACTORS_MAX).contains(&actors), "1 to {ACTORS_MAX} actors");
        let children = (0..actors).map(|_| cx.spawn::<Self>(&cx.own_module(), args! {}));
        let mut all = Vec::new();
        for child in join_all(children).await {
            all.push(child?);
        }
        let plays = all.iter().map(|one| one.play(all.clone(), pings).deadline(PATIENCE).ask(&cx));
        for played in join_all(plays).await {
            played?;
        }
        let mut arrived = 0;
        for pinged in join_all(all.iter().map(|one| one.pinged().ask(&cx))).await {
            arrived += pinged?;
        }
        let sent = pings * u64::from(actors);
        require!(arrived == sent, "{arrived} pings arrived of {sent}");
        Ok(arrived)
    }

    /// How often this one was pinged.
    pub fn pinged(&self) -> u64 {
        self.pinged
    }

    /// Is pinged.
    pub fn ping(&mut self) {
        self.pinged += 1;
    }

    /// Pings one of all at random, so often, and waits for each pong.
    pub async fn play(
        _this: State<Self>,
        cx: Context,
        all: Vec<ActorRef<Self>>,
        pings: u64,
    ) -> Result<(), Error> {
        require!(!all.is_empty(), "there is nobody to ping");
        for _ in 0..pings {
            // The seed of a slot is as random as anything that everybody can check.
            let number =
                cx.current_seed().as_bytes().iter().copied().map(usize::from).sum::<usize>();
            let other = all.get(number % all.len()).ok_or("there is nobody to ping")?;
            other.ping().deadline(PATIENCE).ask(&cx).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
