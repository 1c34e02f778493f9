use super::*;
use crate::fixture::{actor, script};

#[test]
fn modules_are_compiled_once_and_kept_within_bounds() {
    let modules = Modules::new(Engine::new().unwrap(), NonZeroUsize::MIN);
    let (first, second) = (script(), actor("", "i64.const 0"));
    let compiled = modules.compile(&first).unwrap();
    assert_eq!(compiled.id(), ModuleId::of(&first));
    assert!(Arc::ptr_eq(&compiled, &modules.compile(&first).unwrap()));

    modules.compile(&second).unwrap();
    assert!(modules.get(&ModuleId::of(&first)).is_none());
    assert!(modules.get(&ModuleId::of(&second)).is_some());
}

#[test]
fn refused_modules_are_not_kept() {
    let modules = Modules::new(Engine::new().unwrap(), Modules::KEPT);
    assert!(matches!(modules.compile(b""), Err(CompileError::Refused(_))));
    assert!(modules.get(&ModuleId::of(b"")).is_none());
}
