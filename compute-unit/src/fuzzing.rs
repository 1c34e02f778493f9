//! What fuzzers drive: what is made of a module's output, without a module.

use protocol::{Domain, Limits, Principal, ProcessId, Profile, Spawn, abi::GuestResult, codec};

use crate::{
    output::{self, Owner, Said, Wanted},
    process::Rules,
};

/// Reads bytes as the output of a handler, and of a view, of a process under each profile. Panics if
/// what is let through breaks a rule of the guest contract; tells whether the current profile lets it
/// through.
pub fn output(bytes: &[u8], id: &ProcessId, spawn: &Spawn) -> bool {
    let under = |profile: Profile| {
        let owner = Owner { id, spawn, rules: Rules::of(&profile.id()) };
        let read = output::read(bytes, owner);
        assert_eq!(output::read(bytes, owner), read);
        read
    };
    let (first, second) = (under(Profile::v1()), under(Profile::v2()));
    if first.is_ok() {
        assert_eq!(first, second, "what profile 1 has, profile 2 has");
    }
    if let Ok((said, effects)) = &second {
        check_sizes(&effects.wanted, &spawn.limits);
        effects.wanted.iter().for_each(|wanted| check_wanted(wanted, id, spawn));
        let output: protocol::abi::Output = codec::decode(bytes).expect("it was read");
        assert_eq!(*said == Said::Later, output.result == GuestResult::Later);
        assert_eq!(*said == Said::Held, output.result == GuestResult::Held);
        let count = effects.logs.len() + effects.events.len() + effects.wanted.len();
        assert_eq!(count, output.effects.len(), "nothing is passed over");
    }
    if let Ok(reply) = output::read_view(bytes, &spawn.limits) {
        let said = Said::Reply(reply);
        let handled = second.as_ref().expect("a view says no more than a handler may");
        assert_eq!(handled.0, said);
    }
    second.is_ok()
}

fn check_sizes(wanted: &[Wanted], limits: &Limits) {
    let bytes: usize = wanted.iter().map(Wanted::bytes).sum();
    assert!(u32::try_from(wanted.len()).is_ok_and(|items| items <= limits.outbox_items));
    assert!(u32::try_from(bytes).is_ok_and(|bytes| bytes <= limits.outbox_bytes));
}

fn check_wanted(wanted: &Wanted, id: &ProcessId, parent: &Spawn) {
    match wanted {
        Wanted::Ask { timed, .. } => assert_ne!(timed.patience, 0),
        Wanted::SetTimer { every, .. } => assert_ne!(*every, Some(0)),
        Wanted::Spawn { child, timed } => {
            assert_ne!(timed.patience, 0);
            assert_eq!(child.id.as_bytes(), Domain::Spawn.digest(&[&child.spawn]).as_bytes());
            let spawn: Spawn = codec::decode(&child.spawn).expect("it was read");
            assert_eq!(spawn.sender, Principal::Process(*id));
            assert!(spawn.limits.gas <= parent.limits.gas);
            assert!(child.cost > u64::from(spawn.limits.children.unwrap_or_default()));
        }
        Wanted::Tell { .. } | Wanted::Reply { .. } | Wanted::CancelTimer { .. } => {}
    }
}
