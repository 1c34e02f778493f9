use antiphon::prelude::*;

#[derive(Serialize)]
struct Moved {
    by: u64,
}

fn emit(cx: &Context) {
    cx.emit(Moved { by: 3 });
}

fn main() {}
