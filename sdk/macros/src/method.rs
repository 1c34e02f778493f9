//! One method of an actor, read from its signature.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use protocol::schema::MethodKind;
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItemFn, Pat, PathArguments, Receiver, ReturnType,
    Signature, Type, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::docs;

/// Names that an `ActorRef` needs for itself: a call of such a method would not reach the stub.
const RESERVED: [&str; 10] = [
    "id",
    "clone",
    "clone_from",
    "clone_into",
    "eq",
    "ne",
    "into",
    "try_into",
    "to_owned",
    "serialize",
];

/// Why an async method has no `self`.
const ASYNC_STATE: &str = "an async method takes `this: State<Self>` in place of `self`: no borrow of \
                           the state can cross an `await`";

/// What decides which parameters a function may have.
#[derive(Clone, Copy)]
enum Form {
    Plain(MethodKind),
    Async,
}

/// A method that others can call.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) kind: MethodKind,
    /// Whether it takes evidence, and is called by nobody.
    pub(crate) assigned: bool,
    /// Whether it may wait.
    pub(crate) waits: bool,
    pub(crate) inputs: Vec<Input>,
    /// What a reply is, without the error.
    pub(crate) returns: Type,
    /// Whether it returns a `Result`.
    pub(crate) fallible: bool,
    /// Whether it returns a `Later`, which may be in a `Result`.
    pub(crate) later: bool,
    pub(crate) docs: Vec<Attribute>,
}

/// A parameter after the receiver.
pub(crate) enum Input {
    /// Where and when; given by the runtime.
    Context,
    /// The state; given by the runtime to an async method.
    State,
    /// An argument; given by the caller.
    Argument(Ident, Box<Type>),
}

impl Method {
    /// Reads a method; takes `#[init]` and `#[assigned]` from it.
    pub(crate) fn parse(function: &mut ImplItemFn, actor: &Ident) -> syn::Result<Self> {
        let init = take_attribute(function, "init");
        let assigned = take_attribute(function, "assigned");
        if let Some(cfg) = function.attrs.iter().find(|attribute| attribute.path().is_ident("cfg"))
        {
            return Err(refuse(
                cfg,
                "a method of an actor cannot be conditional: the schema has it",
            ));
        }
        let signature = &function.sig;
        check_signature(signature)?;
        let kind = kind(signature, init)?;
        let waits = signature.asyncness.is_some();
        let form = if waits { Form::Async } else { Form::Plain(kind) };
        let name = signature.ident.unraw().to_string();
        if kind != MethodKind::Init && RESERVED.contains(&name.as_str()) {
            let why = format!("`{name}` is reserved: every `ActorRef` has a method of this name");
            return Err(refuse(&signature.ident, why));
        }
        if name.starts_with("antiphon_") {
            return Err(refuse(&signature.ident, "names with `antiphon_` are reserved"));
        }
        let inputs = signature.inputs.iter().filter_map(|argument| match argument {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(input(&argument.pat, &argument.ty, form)),
        });
        let inputs = inputs.collect::<syn::Result<Vec<_>>>()?;
        if inputs.iter().filter(|input| matches!(input, Input::Context)).count() > 1 {
            return Err(refuse(&signature.inputs, "one context is enough"));
        }
        let states = inputs.iter().filter(|input| matches!(input, Input::State)).count();
        if waits && states != 1 {
            return Err(refuse(signature, ASYNC_STATE));
        }
        let Returns { ty: returns, fallible, later } = returns(&signature.output);
        if later && (waits || kind != MethodKind::Message) {
            return Err(refuse(
                &signature.output,
                "only a message with `&mut self` leaves its reply for later: an async method replies \
                 when it ends, a view at once",
            ));
        }
        if kind == MethodKind::Init && !is_actor(&returns, actor) {
            let why =
                format!("`#[init]` returns `Self` or `Result<Self, E>`, where `Self` is `{actor}`");
            return Err(refuse(signature, why));
        }
        if assigned && (kind != MethodKind::Message || waits || !takes_evidence(&inputs)) {
            return Err(refuse(
                signature,
                "`#[assigned]` goes on a message with `&mut self` whose one argument is an `Evidence`",
            ));
        }
        Ok(Self {
            ident: signature.ident.clone(),
            kind,
            assigned,
            waits,
            inputs,
            returns,
            fallible,
            later,
            docs: function
                .attrs
                .iter()
                .filter(|attribute| docs::is_doc(attribute))
                .cloned()
                .collect(),
        })
    }

    /// The name that callers use.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// The arguments that callers give.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Context | Input::State => None,
            Input::Argument(ident, ty) => Some((ident, &**ty)),
        })
    }
}

/// Takes an attribute of this name from a function; tells whether it was there.
fn take_attribute(function: &mut ImplItemFn, name: &str) -> bool {
    let attributes = function.attrs.len();
    function.attrs.retain(|attribute| !attribute.path().is_ident(name));
    function.attrs.len() < attributes
}

/// Whether there is one argument, and it is evidence.
fn takes_evidence(inputs: &[Input]) -> bool {
    let mut arguments = inputs.iter().filter_map(|input| match input {
        Input::Argument(_, ty) => Some(&**ty),
        Input::Context | Input::State => None,
    });
    let Some(Type::Path(path)) = arguments.next() else { return false };
    let is_evidence = path.path.segments.last().is_some_and(|last| last.ident == "Evidence");
    is_evidence && arguments.next().is_none()
}

/// Writes `actor` where a type says `Self`, for use outside of the actor's impl block.
pub(crate) fn without_self(tokens: TokenStream, actor: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => actor.clone(),
            TokenTree::Group(group) => {
                let inner = without_self(group.stream(), actor);
                TokenTree::Group(Group::new(group.delimiter(), inner)).into()
            }
            other => other.into(),
        })
        .collect()
}

fn check_signature(signature: &Signature) -> syn::Result<()> {
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        return Err(refuse(
            &signature.generics,
            "a method of an actor has no generic parameters: callers send values, not types",
        ));
    }
    if let Some(token) = &signature.unsafety {
        return Err(refuse(token, "a method of an actor is safe: anybody calls it"));
    }
    if let Some(token) = &signature.abi {
        return Err(refuse(token, "a method of an actor is an ordinary Rust function"));
    }
    Ok(())
}

fn kind(signature: &Signature, init: bool) -> syn::Result<MethodKind> {
    if let Some(token) = &signature.asyncness {
        return match (signature.receiver(), init) {
            (_, true) => Err(refuse(token, "`#[init]` makes the state at once: it is not async")),
            (Some(receiver), false) => Err(refuse(receiver, ASYNC_STATE)),
            (None, false) => Ok(MethodKind::Message),
        };
    }
    match (signature.receiver(), init) {
        (None, true) => Ok(MethodKind::Init),
        (Some(receiver), true) => {
            Err(refuse(receiver, "`#[init]` makes the state: it has no `self`"))
        }
        (None, false) => Err(refuse(
            &signature.ident,
            "a function without `self` is no method: mark it `#[init]`, or move it to an impl block \
             of its own without `#[actor]`",
        )),
        (Some(Receiver { reference: Some(_), colon_token: None, mutability, .. }), false) => {
            Ok(if mutability.is_some() { MethodKind::Message } else { MethodKind::View })
        }
        (Some(receiver), false) => Err(refuse(
            receiver,
            "the state outlives the call: take `&self` for a view or `&mut self` for a message",
        )),
    }
}

fn input(pattern: &Pat, ty: &Type, form: Form) -> syn::Result<Input> {
    if let Some(given) = given(ty, form)? {
        return Ok(given);
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
        ("State", Form::Async, true) => Ok(Some(Input::State)),
        ("State", Form::Async, false) => Err(refuse(ty, ASYNC_STATE)),
        ("State", Form::Plain(_), _) => {
            Err(refuse(ty, "a method with `State` is async: take `&mut self`, or say `async fn`"))
        }
        ("Context", Form::Async, true) => Ok(Some(Input::Context)),
        ("Context" | "ViewContext", Form::Async, _) => {
            Err(refuse(ty, "an async method outlives its slot: take `cx: Context`"))
        }
        ("Context", Form::Plain(MethodKind::View), _) => {
            Err(refuse(ty, "a view has no effects: take `&ViewContext`"))
        }
        ("Context" | "ViewContext", Form::Plain(_), false) => Ok(Some(Input::Context)),
        ("Context" | "ViewContext", Form::Plain(_), true) => {
            Err(refuse(ty, "a method that does not wait takes `&Context`, a view `&ViewContext`"))
        }
        _ => Ok(None),
    }
}

/// What a method gives back.
struct Returns {
    ty: Type,
    fallible: bool,
    later: bool,
}

fn returns(output: &ReturnType) -> Returns {
    let ReturnType::Type(_, ty) = output else {
        return Returns { ty: parse_quote!(()), fallible: false, later: false };
    };
    let (ty, fallible) = unwrapped(ty, "Result");
    let (ty, later) = unwrapped(ty, "Later");
    Returns { ty: ty.clone(), fallible, later }
}

/// The first argument of the type, if it is one of this name.
fn unwrapped<'a>(ty: &'a Type, name: &str) -> (&'a Type, bool) {
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && last.ident == name
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(value)) = arguments.args.first()
    {
        return (value, true);
    }
    (ty, false)
}

fn is_actor(ty: &Type, actor: &Ident) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Self" || last.ident == *actor)
}

/// An error at the place of some tokens.
pub(crate) fn refuse(tokens: impl ToTokens + Spanned, why: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(tokens, why)
}
