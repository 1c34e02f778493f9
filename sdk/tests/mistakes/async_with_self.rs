use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

#[actor]
impl Counter {
    #[init]
    fn new(n: u64) -> Self {
        Self { n }
    }

    async fn pull(&mut self, cx: &Context, peer: ActorRef<Self>) -> Result<(), AskError> {
        self.n += peer.get().ask(cx).await?;
        Ok(())
    }

    fn get(&self) -> u64 {
        self.n
    }
}

fn main() {}
