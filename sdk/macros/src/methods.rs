//! `#[actor]` on an impl block: reads the interface of the actor.

use proc_macro2::{Ident, TokenStream};
use protocol::schema::MethodKind;
use syn::{ImplItem, ItemImpl, Path, Type};

use crate::{
    method::{Method, refuse},
    upgrade::Upgrades,
};

/// The interface of an actor.
pub(crate) struct Interface {
    /// The actor's type, as the impl block spells it.
    pub(crate) actor: Path,
    pub(crate) init: Method,
    /// What takes evidence.
    pub(crate) assigned: Option<Method>,
    /// Views and messages, in order of declaration.
    pub(crate) methods: Vec<Method>,
    pub(crate) upgrades: Upgrades,
}

impl Interface {
    /// The name of the actor's type.
    pub(crate) fn name(&self) -> &Ident {
        &self.actor.segments.last().expect("checked when it was read").ident
    }
}

/// Reads the interface; gives the block back without what only the macro understands.
pub(crate) fn parse(
    arguments: &TokenStream,
    mut item: ItemImpl,
) -> syn::Result<(ItemImpl, Interface)> {
    if !arguments.is_empty() {
        return Err(refuse(arguments, "arguments of `#[actor]` go on the type's definition"));
    }
    if let Some((_, of, _)) = &item.trait_ {
        return Err(refuse(of, "`#[actor]` goes on the type's own impl block, not on a trait's"));
    }
    if !item.generics.params.is_empty() {
        return Err(refuse(
            &item.generics,
            "an actor has no generic parameters: write the types out",
        ));
    }
    let (actor, name) = actor(&item.self_ty)?;
    let mut init: Option<Method> = None;
    let mut assigned: Option<Method> = None;
    let mut methods = Vec::new();
    let mut upgrades = Upgrades::default();
    for function in &mut item.items {
        let ImplItem::Fn(function) = function else { continue };
        if upgrades.take(function, &name)? {
            continue;
        }
        let method = Method::parse(function, &name)?;
        match (method.kind, &init) {
            (MethodKind::Init, Some(_)) => {
                return Err(refuse(
                    &function.sig,
                    "an actor has one `#[init]`: let it take an enum or an `Option` to start in other ways",
                ));
            }
            (MethodKind::Init, None) => init = Some(method),
            _ if method.assigned && assigned.is_some() => {
                return Err(refuse(&function.sig, "an actor has one `#[assigned]`"));
            }
            _ if method.assigned => assigned = Some(method),
            _ => methods.push(method),
        }
    }
    let init = init.ok_or_else(|| {
        refuse(
            &item.self_ty,
            "an actor needs a function that makes its state: `#[init] fn new() -> Self`",
        )
    })?;
    upgrades.check()?;
    Ok((item, Interface { actor, init, assigned, methods, upgrades }))
}

/// The actor's type, as the impl block spells it, and its name.
pub(crate) fn actor(ty: &Type) -> syn::Result<(Path, Ident)> {
    match ty {
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(last) if last.arguments.is_empty() => Ok((path.path.clone(), last.ident.clone())),
            _ => Err(refuse(ty, "an actor has no generic parameters: write the types out")),
        },
        _ => Err(refuse(ty, "an actor is a struct or an enum of this crate")),
    }
}

#[cfg(test)]
mod tests;
