//! The actor's state as an async method reaches it.

use std::{
    cell::{Ref, RefCell, RefMut},
    fmt,
    rc::Rc,
};

use crate::image::Anchor;

/// The state of an actor in an async method.
///
/// Other messages are handled while the method awaits, so it borrows the state for as long as a
/// closure runs: what holds before an `await` must be checked again after it.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// async fn double(this: State<Self>, cx: Context) -> u64 {
///     let before = this.with(|me| me.n);
///     cx.sleep(secs(1)).await;
///     this.with(|me| {
///         me.n += before;
///         me.n
///     })
/// }
/// # }
/// ```
pub struct State<A>(Rc<Kept<A>>);

/// A state in memory.
#[repr(C)]
struct Kept<A> {
    anchor: Anchor,
    actor: RefCell<Option<A>>,
}

impl<A> State<A> {
    /// The state of an actor that is tested natively.
    pub fn new(actor: A) -> Self {
        let state = Self::unborn();
        state.bear(actor);
        state
    }

    /// Reads and changes the state.
    ///
    /// # Panics
    ///
    /// If the closure calls `with` of the same state.
    pub fn with<R>(&self, visit: impl FnOnce(&mut A) -> R) -> R {
        visit(self.0.actor.borrow_mut().as_mut().expect("methods run once the process is born"))
    }

    pub(crate) fn unborn() -> Self {
        Self(Rc::new(Kept { anchor: Anchor::new(), actor: RefCell::new(None) }))
    }

    pub(crate) fn bear(&self, actor: A) {
        self.0.anchor.hold(self.0.actor.borrow_mut().insert(actor));
    }

    pub(crate) fn get(&self) -> Option<Ref<'_, A>> {
        Ref::filter_map(self.0.actor.borrow(), Option::as_ref).ok()
    }

    pub(crate) fn get_mut(&self) -> Option<RefMut<'_, A>> {
        RefMut::filter_map(self.0.actor.borrow_mut(), Option::as_mut).ok()
    }
}

impl<A> Clone for State<A> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<A> fmt::Debug for State<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(..)")
    }
}
