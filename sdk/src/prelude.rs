//! What an actor's source needs: `use antiphon::prelude::*;`.

pub use serde::{Deserialize, Serialize};

pub use crate::{
    AccountId, Actor, ActorRef, Args, Context, Error, Level, Principal, ProcessId, Slot, Timestamp,
    ViewContext, actor, args, log, require,
};
