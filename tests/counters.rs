//! What a counter of `examples/languages` must do, whatever it is written in.

use antiphon::{Actor as _, Error, Stage, args};
use counter::Counter;
use pingpong::PingPong;

/// The counter in the text format.
pub(crate) const WAT: &str = include_str!("../examples/languages/wat/counter.wat");

/// Numbers of every length in CBOR, and those next to where it changes.
const NUMBERS: [u64; 9] = [0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 1 << 32];

/// Plays with a counter on a stage; gives what it saw. Errors are told by their codes.
pub(crate) fn counting(stage: &mut impl Stage) -> Vec<Result<u64, String>> {
    let coded = |error: Error| error.code().to_owned();
    let mut seen = Vec::new();
    for number in NUMBERS {
        let counter = stage.spawn::<Counter>(args! { start: number });
        seen.push(stage.view(&counter.get()).map_err(coded));
    }
    let counter = stage.spawn::<Counter>(args! { start: 0_u64 });
    for number in NUMBERS {
        seen.push(stage.send(counter.add(number)).map_err(coded));
    }
    seen.push(stage.send(counter.add(u64::MAX)).map_err(coded));
    seen.push(stage.send(counter.get()).map_err(coded));
    seen.push(stage.send(counter.reset()).map(|()| 0).map_err(coded));
    seen.push(stage.view(&counter.get()).map_err(coded));
    seen.push(stage.send(counter.add(u64::MAX)).map_err(coded));
    // Methods that it has not, one of them with long arguments.
    let stranger = PingPong::at(counter.id());
    seen.push(stage.send(stranger.start(PingPong::at(counter.id()), 1)).map(|()| 0).map_err(coded));
    seen.push(stage.view(&stranger.last()).map(Option::unwrap_or_default).map_err(coded));
    seen.push(stage.view(&counter.get()).map_err(coded));
    seen
}
