//! What an actor's source needs: `use antiphon::prelude::*;`.

pub use serde::{Deserialize, Serialize};

pub use crate::{
    AccountId, Actor, ActorRef, Args, Ask, AskError, Context, Effect, Error, Later, Level,
    OpenCall, Principal, ProcessId, Slot, State, Timestamp, ViewContext, actor, args, log, millis,
    require, secs,
};
