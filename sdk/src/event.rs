//! Events: what an actor tells whoever follows it.

use serde::Serialize;

/// An event with a name and fields, by `#[derive(Event)]` on a struct.
///
/// Its name is the struct's in kebab case, or what `#[event("..")]` says.
/// [`Context::emit`](crate::Context::emit) emits it, and `#[actor(events(..))]` lists it in the
/// schema.
///
/// ```
/// use antiphon::prelude::*;
///
/// /// The lamp was switched.
/// #[derive(Serialize, Event)]
/// pub struct LampSwitched {
///     on: bool,
/// }
///
/// #[actor(events(LampSwitched))]
/// #[derive(Serialize, Deserialize)]
/// pub struct Lamp {
///     on: bool,
/// }
///
/// #[actor]
/// impl Lamp {
///     #[init]
///     fn new() -> Self {
///         Self { on: false }
///     }
///
///     fn switch(&mut self, cx: &Context) {
///         self.on = !self.on;
///         cx.emit(LampSwitched { on: self.on });
///     }
/// }
///
/// assert_eq!(LampSwitched::NAME, "lamp-switched");
/// assert_eq!(Lamp::schema().events[0].docs, "The lamp was switched.");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    note = "put `#[derive(Serialize, Event)]` on a struct with named fields, or call `emit_named`"
)]
pub trait Event: Serialize {
    /// The name that clients follow.
    const NAME: &'static str;

    /// Name, fields and documentation, as an encoded item of the schema.
    #[doc(hidden)]
    const EVENT: &'static [u8];
}
