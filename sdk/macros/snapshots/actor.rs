//! An actor with one of everything that the macros know.

use antiphon::prelude::*;

/// Counts.
#[actor(version = 2, events(Counted))]
#[derive(Serialize, Deserialize)]
pub struct Counter {
    n: u64,
}

/// Something was counted.
#[derive(Serialize, Event)]
pub struct Counted {
    pub n: u64,
}

/// What is counted.
#[derive(Serialize, Deserialize, Described)]
pub struct Step {
    pub by: u64,
    pub why: Option<Reason>,
}

#[derive(Serialize, Deserialize, Described)]
pub enum Reason {
    None,
    Told(String),
}

#[derive(ActorError)]
pub enum CountError {
    /// The sum does not fit.
    TooLarge,
}

#[actor]
impl Counter {
    #[init]
    pub fn new(start: u64) -> Result<Self, CountError> {
        Ok(Self { n: start })
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.n
    }

    pub fn add(&mut self, cx: &Context, step: Step) -> Result<u64, CountError> {
        self.n = self.n.checked_add(step.by).ok_or(CountError::TooLarge)?;
        cx.emit(Counted { n: self.n });
        Ok(self.n)
    }

    #[only(controller)]
    pub fn wait(&mut self, cx: &Context) -> Later<u64> {
        cx.reply_later().1
    }

    #[only(Self::may)]
    pub async fn pull(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> Result<(), AskError> {
        let theirs = peer.get().ask(&cx).await?;
        this.with(|me| me.n += theirs);
        Ok(())
    }

    #[assigned]
    fn shown(&mut self, evidence: Evidence) {
        drop(evidence);
    }

    #[migrate(from = 1)]
    fn from_v1(n: u64) -> Self {
        Self { n }
    }

    #[save]
    fn close(&self) -> u64 {
        self.n
    }

    #[load]
    fn open(n: u64) -> Self {
        Self { n }
    }

    #[recover]
    fn recover(cx: &Context, image: MemoryImage) -> Result<Self, Error> {
        Ok(Self { n: u64::from_le_bytes(image.read(image.state()?)?) })
    }
}
