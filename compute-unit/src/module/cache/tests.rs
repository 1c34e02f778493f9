use std::{path::Path, sync::Barrier};

use tempfile::TempDir;

use super::*;
use crate::{
    Export, Instance,
    fixture::{Step, actor, on_stack, script, steps},
};

const SECRET: [u8; 32] = [5; 32];

fn engine() -> Engine {
    Engine::new().unwrap()
}

/// A cache on a directory, as after a start.
fn started(engine: &Engine, directory: &TempDir) -> Modules {
    let modules = directory.path().join("modules");
    Modules::with_disk(engine.clone(), Modules::KEPT, modules, SECRET).unwrap()
}

fn counts(modules: &Modules) -> [u64; 3] {
    let Metrics { modules_compiled, modules_loaded, module_files_damaged, .. } = &*modules.metrics;
    [modules_compiled.get(), modules_loaded.get(), module_files_damaged.get()]
}

/// The only file of a directory.
fn file(directory: &TempDir) -> PathBuf {
    let mut files = std::fs::read_dir(directory.path().join("modules")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory.join("modules")).unwrap().next().is_none()
}

#[test]
fn modules_are_compiled_once_and_kept_within_bounds() {
    let modules = Modules::new(engine(), NonZeroUsize::MIN);
    let (first, second) = (script(), actor("", "i64.const 0"));
    let compiled = modules.compile(&first).unwrap();
    assert_eq!(compiled.id(), ModuleId::of(&first));
    assert!(Arc::ptr_eq(&compiled, &modules.compile(&first).unwrap()));

    modules.compile(&second).unwrap();
    assert!(modules.get(&ModuleId::of(&first)).is_none());
    assert!(modules.get(&ModuleId::of(&second)).is_some());
}

#[test]
fn a_module_is_loaded_after_a_restart_and_does_the_same() {
    let (engine, directory, wasm) = (engine(), tempfile::tempdir().unwrap(), script());
    let compiled = started(&engine, &directory).compile(&wasm).unwrap();
    let modules = started(&engine, &directory);
    assert!(modules.get(&ModuleId::of(&wasm)).is_none());
    let loaded = modules.find(&ModuleId::of(&wasm)).unwrap().unwrap();
    assert!(Arc::ptr_eq(&loaded, &modules.compile(&wasm).unwrap()));
    assert_eq!(counts(&modules), [0, 1, 0]);
    assert_eq!(loaded.id(), compiled.id());
    assert_eq!(loaded.facts(), compiled.facts());
    let run = |module: Arc<CompiledModule>| {
        on_stack(move || {
            let mut instance = Instance::genesis(&module, &protocol::Limits::DEFAULT).unwrap();
            let input = steps(&[Step::Store(9, 1), Step::Mix(5), Step::Grow(2)]);
            let executed = instance.execute(Export::Handle, &input, 1_000_000).unwrap();
            let image = instance.state_image();
            (executed, image.memory.to_vec(), image.globals)
        })
    };
    assert_eq!(run(compiled), run(loaded));
}

#[test]
fn refusals_are_kept_in_their_words() {
    let (engine, directory) = (engine(), tempfile::tempdir().unwrap());
    let wasm = actor("(func $s) (start $s)", "i64.const 0");
    let modules = started(&engine, &directory);
    let said = modules.compile(&wasm).unwrap_err();
    assert!(matches!(said, CompileError::Refused(_)));
    assert_eq!(modules.find(&ModuleId::of(&wasm)).unwrap().unwrap_err(), said);
    let modules = started(&engine, &directory);
    let again = modules.find(&ModuleId::of(&wasm)).unwrap().unwrap_err();
    assert!(again.is_refusal());
    assert_eq!(again.to_string(), said.to_string());
    assert_eq!(modules.compile(&wasm).unwrap_err(), again);
    assert_eq!(counts(&modules), [0, 0, 0]);
}

#[test]
fn what_is_refused_at_a_glance_takes_no_room() {
    let (engine, directory) = (engine(), tempfile::tempdir().unwrap());
    let modules = started(&engine, &directory);
    assert!(modules.compile(b"").unwrap_err().is_refusal());
    assert!(modules.find(&ModuleId::of(b"")).is_none());
    assert!(is_empty(directory.path()));
}

#[test]
fn failures_of_the_engine_are_not_kept() {
    let modules = Modules::new(engine(), Modules::KEPT);
    let failed = CompileError::Engine { detail: "no memory".to_owned() };
    let id = ModuleId::of(b"module");
    let cell = Arc::clone(modules.under_way().entry(id).or_default());
    cell.set(Err(failed.clone())).unwrap();
    // Whoever came while it failed hears of it, whoever comes later does not.
    assert_eq!(modules.compile(b"module").unwrap_err(), failed);
    assert!(modules.compile(b"module").unwrap_err().is_refusal());
}

#[test]
fn a_damaged_file_is_removed_and_its_module_compiled_anew() {
    let (engine, directory, wasm) = (engine(), tempfile::tempdir().unwrap(), script());
    started(&engine, &directory).compile(&wasm).unwrap();
    let whole = std::fs::read(file(&directory)).unwrap();
    let id = ModuleId::of(&wasm);
    // All of the header, and places over all of the rest.
    let places = (0..161).chain((161..whole.len()).step_by(whole.len() / 64));
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(file(&directory), &bytes).unwrap();
        let modules = started(&engine, &directory);
        assert!(modules.find(&id).is_none(), "byte {at}");
        assert_eq!(counts(&modules), [0, 0, 1], "byte {at}");
        assert!(is_empty(directory.path()));
        let name = modules.disk.as_ref().unwrap();
        name.write(&id, Shelf::Modules, &whole);
    }
    std::fs::write(file(&directory), &whole[..whole.len() / 2]).unwrap();
    let modules = started(&engine, &directory);
    modules.compile(&wasm).unwrap();
    assert_eq!(counts(&modules), [1, 0, 1]);
    assert_eq!(std::fs::read(file(&directory)).unwrap().len(), whole.len());
    assert!(started(&engine, &directory).find(&id).unwrap().is_ok());
}

#[test]
fn files_of_another_unit_are_not_believed() {
    let (engine, directory, wasm) = (engine(), tempfile::tempdir().unwrap(), script());
    started(&engine, &directory).compile(&wasm).unwrap();
    let path = directory.path().join("modules");
    let modules = Modules::with_disk(engine, Modules::KEPT, path, [6; 32]).unwrap();
    modules.compile(&wasm).unwrap();
    assert_eq!(counts(&modules), [1, 0, 1]);
}

#[test]
fn files_of_another_engine_are_replaced() {
    let (directory, wasm) = (tempfile::tempdir().unwrap(), script());
    let plain = Engine::with_opt_level(wasmtime::OptLevel::None).unwrap();
    started(&plain, &directory).compile(&wasm).unwrap();
    let before = std::fs::read(file(&directory)).unwrap();
    let modules = started(&engine(), &directory);
    modules.compile(&wasm).unwrap();
    assert_eq!(counts(&modules), [1, 0, 0]);
    assert_ne!(std::fs::read(file(&directory)).unwrap(), before);
}

#[test]
fn a_refusal_in_the_place_of_a_module_is_damage() {
    let (engine, directory, wasm) = (engine(), tempfile::tempdir().unwrap(), script());
    let modules = started(&engine, &directory);
    let (disk, id) = (modules.disk.as_ref().unwrap(), ModuleId::of(&wasm));
    let refused = file::refused(&disk.key, &id, "no").unwrap();
    disk.write(&id, Shelf::Modules, &refused);
    modules.compile(&wasm).unwrap();
    assert_eq!(counts(&modules), [1, 0, 1]);
}

#[test]
fn machine_code_that_the_engine_does_not_take_is_damage() {
    let (engine, directory, wasm) = (engine(), tempfile::tempdir().unwrap(), script());
    let modules = started(&engine, &directory);
    let (disk, id) = (modules.disk.as_ref().unwrap(), ModuleId::of(&wasm));
    let facts = engine.compile(&wasm).unwrap().facts();
    let bytes = file::compiled(&disk.key, &id, &facts, b"no machine code");
    disk.write(&id, Shelf::Modules, &bytes);
    modules.compile(&wasm).unwrap();
    assert_eq!(counts(&modules), [1, 0, 1]);
}

#[test]
fn threads_that_want_one_module_compile_it_once() {
    const THREADS: usize = 8;
    let (modules, wasm) = (Modules::new(engine(), Modules::KEPT), script());
    let start = Barrier::new(THREADS);
    let compiled: Vec<_> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            modules.compile(&wasm).unwrap()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(compiled.iter().all(|module| Arc::ptr_eq(module, &compiled[0])));
    assert_eq!(counts(&modules), [1, 0, 0]);
    assert!(modules.under_way().is_empty());
}
