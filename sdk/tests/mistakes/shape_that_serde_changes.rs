use antiphon::prelude::*;

#[derive(Serialize, Deserialize, Described)]
#[serde(tag = "kind")]
enum Shape {
    Dot { x: u64 },
}

fn main() {}
