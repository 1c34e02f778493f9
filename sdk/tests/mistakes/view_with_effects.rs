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

    fn get(&self, cx: &Context) -> u64 {
        log!(cx, "somebody looked");
        self.n
    }
}

fn main() {}
