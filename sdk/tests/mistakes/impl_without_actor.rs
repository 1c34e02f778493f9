use antiphon::prelude::*;

#[actor]
#[derive(Serialize, Deserialize)]
struct Counter {
    n: u64,
}

impl Counter {
    fn get(&self) -> u64 {
        self.n
    }
}

fn ask(cx: &Context, peer: ActorRef<Counter>) {
    peer.get().tell(cx);
}

fn main() {}
