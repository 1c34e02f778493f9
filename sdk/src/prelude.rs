//! What an actor's source needs: `use antiphon::prelude::*;`.

pub use serde::{Deserialize, Serialize};

pub use crate::{
    AccountId, Actor, ActorError, ActorRef, Args, Ask, AskError, Child, Context, Described, Effect,
    Either, Error, Event, Evidence, Later, Level, MemoryImage, ModuleRef, OpenCall, Principal,
    ProcessId, Schedule, Slot, State, TimerId, Timestamp, ViewContext, actor, args, join, join_all,
    log, millis, require, secs, select,
};
