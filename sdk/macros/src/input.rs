//! The parameters of a method: what the runtime gives, and what callers give.

use proc_macro2::Ident;
use protocol::schema::MethodKind;
use syn::{Pat, Type};

use crate::method::refuse;

/// Why an async method has no `self`.
pub(crate) const ASYNC_STATE: &str = "an async method takes `this: State<Self>` in place of `self`: no borrow of \
                           the state can cross an `await`";

/// What decides which parameters a function may have.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Plain(MethodKind),
    Async,
}

/// A parameter after the receiver.
pub(crate) enum Input {
    /// Where and when; given by the runtime.
    Context,
    /// The state; given by the runtime to an async method. Its name, if it has one.
    State(Option<Ident>),
    /// An argument; given by the caller.
    Argument(Ident, Box<Type>),
}

/// Reads a parameter.
pub(crate) fn input(pattern: &Pat, ty: &Type, form: Form) -> syn::Result<Input> {
    match (given(ty, form)?, pattern) {
        (Some(Input::State(_)), Pat::Ident(name)) => {
            return Ok(Input::State(Some(name.ident.clone())));
        }
        (Some(given), _) => return Ok(given),
        (None, _) => {}
    }
    match ty {
        Type::Reference(_) => {
            return Err(refuse(
                ty,
                "an argument comes from outside and is owned: take `String` for `&str`, `Vec<T>` for \
                 `&[T]`",
            ));
        }
        Type::ImplTrait(_) | Type::TraitObject(_) | Type::BareFn(_) | Type::Ptr(_) => {
            return Err(refuse(ty, "an argument is a value that serde can read"));
        }
        _ => {}
    }
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Ok(Input::Argument(name.ident.clone(), Box::new(ty.clone())))
        }
        _ => Err(refuse(pattern, "a parameter has a name: callers give arguments by name")),
    }
}

/// What the runtime gives for a parameter of this type, if it is for the runtime to give.
fn given(ty: &Type, form: Form) -> syn::Result<Option<Input>> {
    let (place, by_value) = match ty {
        Type::Reference(reference) if reference.mutability.is_none() => (&*reference.elem, false),
        other => (other, true),
    };
    let Type::Path(path) = place else { return Ok(None) };
    let Some(last) = path.path.segments.last() else { return Ok(None) };
    match (last.ident.to_string().as_str(), form, by_value) {
        ("State", Form::Async, true) => Ok(Some(Input::State(None))),
        ("State", Form::Async, false) => Err(refuse(ty, ASYNC_STATE)),
        ("State", Form::Plain(_), _) => {
            Err(refuse(ty, "a method with `State` is async: take `&mut self`, or say `async fn`"))
        }
        ("Context", Form::Async, true) => Ok(Some(Input::Context)),
        ("Context" | "ViewContext", Form::Async, _) => {
            Err(refuse(ty, "an async method outlives its slot: take `cx: Context`"))
        }
        ("Context", Form::Plain(MethodKind::View), _) => Err(refuse(
            ty,
            "a view has no effects: take `&ViewContext`, or `&mut self` to make it a message",
        )),
        ("Context" | "ViewContext", Form::Plain(_), false) => Ok(Some(Input::Context)),
        ("Context" | "ViewContext", Form::Plain(_), true) => {
            Err(refuse(ty, "a method that does not wait takes `&Context`, a view `&ViewContext`"))
        }
        _ => Ok(None),
    }
}

/// Whether the type is a reference to a context.
pub(crate) fn given_context(ty: &Type) -> bool {
    matches!(given(ty, Form::Plain(MethodKind::Init)), Ok(Some(Input::Context)))
}

/// Whether there is one argument, and it is evidence.
pub(crate) fn takes_evidence(inputs: &[Input]) -> bool {
    let mut arguments = inputs.iter().filter_map(|input| match input {
        Input::Argument(_, ty) => Some(&**ty),
        Input::Context | Input::State(_) => None,
    });
    let Some(Type::Path(path)) = arguments.next() else { return false };
    let is_evidence = path.path.segments.last().is_some_and(|last| last.ident == "Evidence");
    is_evidence && arguments.next().is_none()
}
