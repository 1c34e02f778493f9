//! Children: processes that this one spawns.

mod spawn;

use std::{
    marker::PhantomData,
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use protocol::{Body, EntryId, Limits, Principal, ProcessId, Spawn, Tag, abi::GuestEffect};

use crate::{
    ActorRef, Addressable, Args, AskError, Context, ModuleRef,
    ask::{PATIENCE, Pending},
    timer,
};

/// How long a child's spawn may be under way, in milliseconds.
const EXPIRY: u64 = 24 * 60 * 60 * 1_000;

/// A child under construction: what differs from this process. Network, profile, scheduler, policy
/// and limits are this process's own.
#[derive(Debug)]
#[must_use = "a child is not spawned until `spawn` is called"]
pub struct Birth<'a, T> {
    cx: &'a Context,
    spawn: Spawn,
    patience: u64,
    child: PhantomData<fn() -> T>,
}

impl<T: Addressable> Birth<'_, T> {
    /// What people call the child, at most 128 bytes. Nothing, if not said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spawn.name = name.into();
        self
    }

    /// A word pair about the child, for whoever looks.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.spawn.tags.push(Tag { name: name.into(), value: value.into() });
        self
    }

    /// Who may upgrade, move and stop the child. Who may do so with this process, if not said.
    pub fn controller(mut self, controller: impl Into<Principal>) -> Self {
        self.spawn.controller = controller.into();
        self
    }

    /// Changes the child's limits, which are this process's own but for the children. None may be
    /// higher than this process's.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.spawn.limits);
        self
    }

    /// How many processes the child and its descendants may spawn, taken from what this process
    /// may. None, if not said.
    pub fn children(mut self, children: u32) -> Self {
        self.spawn.limits.children = (children > 0).then_some(children);
        self
    }

    /// How long to wait for the birth, 30 days at most; a minute, if not said.
    pub fn deadline(mut self, patience: Duration) -> Self {
        self.patience = timer::patience(patience);
        self
    }

    /// Spawns the child when the slot ends.
    ///
    /// # Panics
    ///
    /// If the child breaks a rule of its format, like that of the name's length, which undoes the
    /// slot.
    pub fn spawn(self) -> Child<T> {
        // In a module the unit does so, to the same effect: the check would be a tenth of it.
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(rule) = self.spawn.check() {
            panic!("child: {rule}");
        }
        let pending = Pending::new(self.cx);
        let spawn = spawn::write(&self.spawn);
        let digest = Spawn::DOMAIN.digest(&[&spawn]);
        let id = ProcessId::of_spawn(EntryId::from_bytes(*digest.as_bytes()));
        self.cx.push(GuestEffect::Spawn {
            spawn,
            token: pending.token,
            patience: self.patience,
            call: self.cx.open_call(),
        });
        Child { actor: ActorRef::new(id), pending }
    }
}

/// A child that was spawned. Awaited in an async method, it tells whether it was born.
///
/// Its id is certain at once, and what it is told or asked comes to it after its birth.
#[derive(Debug)]
#[must_use = "await the birth, or take the id"]
pub struct Child<T: Addressable> {
    actor: ActorRef<T>,
    pending: Pending,
}

impl<T: Addressable> Child<T> {
    /// The child.
    pub fn id(&self) -> ProcessId {
        self.actor.id()
    }

    /// The child, to talk to.
    pub const fn actor(&self) -> ActorRef<T> {
        self.actor
    }

    /// Waits for the birth.
    ///
    /// # Errors
    ///
    /// Why the child was not born, or that it is not known in time.
    pub async fn born(self) -> Result<ActorRef<T>, AskError> {
        self.await
    }
}

impl<T: Addressable> Future for Child<T> {
    type Output = Result<ActorRef<T>, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.pending.poll_answer(cx).map(|answer| answer.map(|_| self.actor))
    }
}

impl Context {
    /// Spawns a child of this process. Its `args` are those of the module's initialiser.
    ///
    /// ```
    /// # use antiphon::prelude::*;
    /// # #[actor]
    /// # #[derive(Serialize, Deserialize)]
    /// # pub struct Worker;
    /// # #[actor]
    /// # impl Worker {
    /// #     #[init]
    /// #     fn new(number: u64) -> Self { let _ = number; Self }
    /// #     fn work(&mut self) -> u64 { 1 }
    /// async fn hire(this: State<Self>, cx: Context, module: ModuleRef) -> Result<u64, AskError> {
    ///     let worker = cx.spawn::<Worker>(&module, args! { number: 1 }).await?;
    ///     worker.work().ask(&cx).await
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`child`](Self::child) and [`Birth::spawn`].
    pub fn spawn<T: Addressable>(&self, module: &ModuleRef, args: impl Into<Args>) -> Child<T> {
        self.child(module, args).spawn()
    }

    /// Prepares a child that differs from this process in more than its module.
    ///
    /// # Panics
    ///
    /// If the unit does not say how this process was spawned: under profile 1.
    pub fn child<T: Addressable>(&self, module: &ModuleRef, args: impl Into<Args>) -> Birth<'_, T> {
        let own = self.own_spawn();
        let here = self.world().here();
        let spawn = Spawn {
            sender: Principal::Process(here.process()),
            module: module.module(),
            acceptance: module.acceptance(),
            args: args.into().encode(),
            name: String::new(),
            tags: Vec::new(),
            nonce: self.world().fresh(),
            expiry: here.time().saturating_add(EXPIRY),
            controller: here.controller(),
            limits: Limits { children: None, ..own.limits },
            ..own
        };
        Birth { cx: self, spawn, patience: PATIENCE, child: PhantomData }
    }

    /// The module that this process was spawned with, to spawn more of its kind.
    ///
    /// # Panics
    ///
    /// As [`child`](Self::child).
    pub fn own_module(&self) -> ModuleRef {
        let own = self.own_spawn();
        ModuleRef::new(own.module, own.acceptance)
    }

    /// How this process was spawned, but for its arguments, name and tags.
    fn own_spawn(&self) -> Spawn {
        let bytes = self.world().spawn().borrow();
        let bytes = bytes.as_deref().expect("the unit says how the process was spawned");
        spawn::read(bytes).expect("a unit gives the bytes of a spawn")
    }
}
