//! The example actors as Wasm modules, ready to spawn.
//!
//! Building this package builds the actors: its build script adds the Wasm target to the toolchain
//! where it is missing, and runs cargo once for all of them.

/// Declares the modules, and the list of them.
macro_rules! modules {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: &[u8] =
                include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm"));
        )*

        /// Every module with the name of its actor.
        pub const ALL: &[(&str, &[u8])] = &[$(($name, $constant)),*];
    };
}

modules! {
    /// `baseline`: what the SDK costs.
    BASELINE = "baseline";
    /// `counter`: a number.
    COUNTER = "counter";
    /// `counter2`: the second version of `counter`.
    COUNTER2 = "counter2";
    /// `pingpong`: one of two players.
    PINGPONG = "pingpong";
    /// `bank`: an account that moves money.
    BANK = "bank";
    /// `tokenring`: a node that passes tokens on.
    TOKENRING = "tokenring";
    /// `forkjoin/supervisor`: splits jobs among workers.
    SUPERVISOR = "supervisor";
    /// `forkjoin/worker`: does a part of a job.
    WORKER = "worker";
    /// `alarm`: rings when it is time.
    ALARM = "alarm";
    /// `quakes/station`: the events of one seismic network.
    STATION = "station";
    /// `quakes/alerts`: the ranking of strong events.
    ALERTS = "alerts";
    /// `quakes/bulletin`: the strongest events.
    BULLETIN = "bulletin";
    /// `ledger`: a token.
    LEDGER = "ledger";
    /// `chat`: a chat room.
    CHAT = "chat";
    /// `auction`: an auction of one item.
    AUCTION = "auction";
    /// `pipeline`: a stage of a pipeline.
    PIPELINE = "pipeline";
    /// `treasury`: money that members govern.
    TREASURY = "treasury";
    /// `guardian`: looks after workers.
    GUARDIAN = "guardian";
    /// `store`: keys and values.
    STORE = "store";
    /// `savina/counting`: counts what it is told.
    COUNTING = "counting";
    /// `savina/chameneos`: a mall, or a creature in it.
    CHAMENEOS = "chameneos";
    /// `savina/big`: one of many who ping each other.
    BIG = "big";
    /// `savina/dictionary`: a dictionary, or one who uses it.
    DICTIONARY = "dictionary";
    /// `savina/philosophers`: a table, or a philosopher.
    PHILOSOPHERS = "philosophers";
    /// `savina/barber`: a shop, its barber or a customer.
    BARBER = "barber";
    /// `savina/buffer`: a buffer, a producer or a consumer.
    BUFFER = "buffer";
    /// `savina/radix`: a stage of a radix sort.
    RADIX = "radix";
    /// `savina/trapezoid`: integrates a function.
    TRAPEZOID = "trapezoid";
    /// `savina/sieve`: keeps some primes.
    SIEVE = "sieve";
    /// `savina/queens`: counts placements of queens.
    QUEENS = "queens";
}

#[cfg(test)]
mod tests;
