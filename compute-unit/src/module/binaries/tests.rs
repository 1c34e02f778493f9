use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{Engine, fixture::script};

const WASM: &[u8] = b"any bytes";

/// Modules on a directory, as after a start.
fn started(directory: &TempDir) -> Modules {
    let modules = directory.path().join("modules");
    Modules::with_disk(Engine::new().unwrap(), Modules::KEPT, modules, [5; 32]).unwrap()
}

fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("modules").join(format!("{}.wasm", ModuleId::of(WASM)))
}

#[test]
fn a_binary_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (modules, id) = (started(&directory), ModuleId::of(WASM));
    assert!(!modules.has_binary(&id));
    assert_eq!(modules.binary(&id), None);
    modules.keep_binary(WASM);
    for modules in [modules, started(&directory)] {
        assert!(modules.has_binary(&id));
        assert_eq!(modules.binary(&id).as_deref(), Some(WASM));
    }
}

#[test]
fn a_damaged_binary_is_removed_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (modules, id) = (started(&directory), ModuleId::of(WASM));
    modules.keep_binary(WASM);
    std::fs::write(file(&directory), b"any other").unwrap();
    assert_eq!(modules.binary(&id), None);
    assert!(!modules.has_binary(&id) && !file(&directory).exists());
    assert_eq!(modules.metrics.module_files_damaged.get(), 1);
    modules.keep_binary(WASM);
    assert_eq!(modules.binary(&id).as_deref(), Some(WASM));
}

#[test]
fn nobody_waits_for_a_binary_that_cannot_be_had_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (modules, id) = (started(&directory), ModuleId::of(WASM));
    modules.go_without_binary(id);
    assert!(modules.has_binary(&id));
    assert_eq!(modules.binary(&id), None);
    assert!(!started(&directory).has_binary(&id), "the next start tries again");

    let modules = started(&directory);
    std::fs::remove_dir_all(directory.path().join("modules")).unwrap();
    modules.keep_binary(WASM);
    assert!(modules.has_binary(&id));
    assert_eq!(modules.binary(&id), None);
}

#[test]
fn what_is_only_compiled_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (modules, wasm) = (started(&directory), script());
    let id = modules.compile(&wasm).unwrap().id();
    assert!(!modules.has_binary(&id));
    assert_eq!(modules.binary(&id), None);
}
