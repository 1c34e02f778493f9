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

    async fn pull(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> u64 {
        this.with(|me| async { me.n += peer.get().ask(&cx).await.unwrap_or(0); }).await;
        0
    }

    fn get(&self) -> u64 {
        self.n
    }
}

fn main() {}
