//! `build`: an actor's crate as a module.

use std::path::{Path, PathBuf};

use clap::Args;
use protocol::{
    ModuleId,
    schema::{Method, MethodKind},
};
use serde::Serialize;

use super::options::Globals;
use crate::{
    cluster::write_whole,
    error::NodeError,
    output::{printable, table},
    project::{CheckedModule, Package, make_parents},
};

/// Build an actor's crate to a Wasm module, and check it as units will.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The crate's directory
    #[arg(default_value = ".")]
    path: PathBuf,
}

impl Build {
    pub(crate) fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let built = Built::of(&self.path)?;
        let shape = BuiltShape::of(&built);
        globals.output().print(&shape, || shape.text())
    }
}

/// A module that was built and written.
#[derive(Debug)]
pub(super) struct Built {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) module: CheckedModule,
}

impl Built {
    /// Builds the crate in a directory. Takes as long as the compiler does.
    pub(super) fn of(directory: &Path) -> Result<Self, NodeError> {
        let package = Package::open(directory)?;
        let module = CheckedModule::check(&package.compile()?)?;
        let path = package.module();
        make_parents(&path)?;
        write_whole(&path, &module.wasm)?;
        Ok(Self { path, module })
    }
}

/// A module that was built.
#[derive(Debug, Serialize)]
pub(super) struct BuiltShape {
    path: PathBuf,
    module: ModuleId,
    bytes: usize,
    name: String,
    methods: Vec<MethodShape>,
}

#[derive(Debug, Serialize)]
struct MethodShape {
    name: String,
    kind: &'static str,
    params: Vec<String>,
}

impl BuiltShape {
    pub(super) fn of(built: &Built) -> Self {
        let CheckedModule { wasm, schema } = &built.module;
        Self {
            path: built.path.clone(),
            module: ModuleId::of(wasm),
            bytes: wasm.len(),
            name: schema.name.clone(),
            methods: schema.methods.iter().map(MethodShape::from).collect(),
        }
    }

    fn text(&self) -> String {
        let row = |method: &MethodShape| {
            let call = format!("{}({})", method.name, method.params.join(", "));
            vec![String::new(), method.kind.to_owned(), printable(&call)]
        };
        let methods: Vec<Vec<String>> = self.methods.iter().map(row).collect();
        let (path, bytes, name) = (self.path.display(), self.bytes, printable(&self.name));
        format!("{path}\n{name}, {bytes} bytes\n{}", table(&methods))
    }
}

impl From<&Method> for MethodShape {
    fn from(method: &Method) -> Self {
        let kind = match method.kind {
            MethodKind::Init => "init",
            MethodKind::View => "view",
            MethodKind::Message => "message",
        };
        let params = method.params.iter().map(|param| param.name.clone()).collect();
        Self { name: method.name.clone(), kind, params }
    }
}
