//! Which module an actor type is.

use std::{
    any::{TypeId, type_name},
    collections::HashMap,
};

use antiphon::Actor;
use antiphon_client::Client;

/// Wasm modules by the type of actor they are made of.
#[derive(Debug, Default)]
pub(crate) struct Modules(HashMap<TypeId, Vec<u8>>);

impl Modules {
    /// Takes the module of an actor type.
    ///
    /// # Panics
    ///
    /// If the module has another interface: it was built of other code than the test.
    pub(crate) fn add<A: Actor + 'static>(&mut self, module: &[u8]) {
        let schema = Client::schema_of(module);
        let name = type_name::<A>();
        assert!(
            schema.as_ref() == Some(&A::schema()),
            "the module is not that of {name} as it is here; build it again: {schema:?}"
        );
        self.0.insert(TypeId::of::<A>(), module.to_vec());
    }

    /// The module of an actor type.
    ///
    /// # Panics
    ///
    /// If none was given.
    pub(crate) fn of<A: Actor + 'static>(&self) -> &[u8] {
        let module = self.0.get(&TypeId::of::<A>());
        module.unwrap_or_else(|| panic!("give the module of {} first", type_name::<A>()))
    }
}
