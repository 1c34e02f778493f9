//! What happened last, for whoever looks into a failure.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fmt::{self, Write as _},
};

use simulated_tokio::simulation;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Events that are kept.
const KEPT: usize = 120;

thread_local! {
    static LAST: RefCell<VecDeque<String>> = RefCell::default();
    static LOUD: RefCell<bool> = RefCell::default();
}

/// Begins anew. If loud, everything is printed at once.
pub(crate) fn begin(loud: bool) {
    LAST.take();
    LOUD.set(loud);
}

/// Takes note of something.
pub(crate) fn note(text: &str) {
    let time = simulation::now();
    let line = format!("{:>10.4} [{}] {text}", time.as_secs_f64(), simulation::machine().0);
    if LOUD.with_borrow(|loud| *loud) {
        println!("{line}");
    }
    LAST.with_borrow_mut(|last| {
        last.push_back(line);
        while last.len() > KEPT {
            last.pop_front();
        }
    });
}

/// What happened last.
pub(crate) fn last() -> String {
    LAST.with_borrow(|last| last.iter().map(|line| format!("{line}\n")).collect())
}

/// Takes note of what units tell their operators; of what interests developers, too, if it is printed.
#[derive(Debug)]
pub(crate) struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = ["simulated_", "compute_unit", "scheduler_unit", "messenger_unit"];
        let level = if LOUD.with_borrow(|loud| *loud) { Level::DEBUG } else { Level::INFO };
        *metadata.level() <= level && ours.iter().any(|ours| metadata.target().starts_with(ours))
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        note(&text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}
