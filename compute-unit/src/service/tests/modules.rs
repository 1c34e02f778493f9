//! The binaries of modules that a unit shows to others.

use protocol::{ModuleId, Profile, RefusalCode, api::ModuleBytes};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_module_of_an_executed_log_is_shown_when_its_scheduler_is_lost() {
    let World { unit, scheduler, wasm, data: _data, .. } = World::new().await;
    scheduler.stop().await;
    let shown: ModuleBytes = unit.ask(&Request::GetModule(ModuleId::of(&wasm))).await.unwrap();
    assert_eq!(shown.module, wasm);
    let strange = Request::GetModule(ModuleId::of(b"none"));
    let refused = unit.ask::<ModuleBytes>(&strange).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::UnknownModule);
    unit.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_was_accepted_is_not_kept_unless_a_log_names_it() {
    let (world, other) = (World::new().await, actor("", "i64.const 0"));
    for module in [world.wasm.clone(), other.clone()] {
        let accept = Request::Accept { module, profile: Profile::current().id() };
        let _: protocol::Acceptance = world.unit.ask(&accept).await.unwrap();
    }
    let named = Request::GetModule(ModuleId::of(&world.wasm));
    let shown: ModuleBytes = world.unit.ask(&named).await.unwrap();
    assert_eq!(shown.module, world.wasm);
    let refused = world.unit.ask::<ModuleBytes>(&Request::GetModule(ModuleId::of(&other))).await;
    assert_eq!(refused.unwrap_err().code, RefusalCode::UnknownModule, "no log names it");
    world.stop().await;
}
