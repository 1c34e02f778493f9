use super::*;
use crate::{
    Hash,
    examples::{policy, spawn_body, tag, unit},
};

#[track_caller]
fn refused(spawn: Spawn, why: &str) {
    assert_eq!(spawn.check(), Err(why));
}

#[test]
fn a_proper_spawn_is_accepted() {
    assert_eq!(spawn_body().check(), Ok(()));
}

#[test]
fn a_name_has_at_most_128_bytes() {
    assert_eq!(Spawn { name: "n".repeat(128), ..spawn_body() }.check(), Ok(()));
    let why = "a process's name has at most 128 bytes";
    refused(Spawn { name: "n".repeat(129), ..spawn_body() }, why);
}

#[test]
fn tags_and_arguments_follow_the_rules_of_messages() {
    refused(Spawn { tags: vec![tag("a", "b"); 65], ..spawn_body() }, "more than 64 tags");
    refused(Spawn { args: vec![0xff], ..spawn_body() }, "arguments are not canonical CBOR");
}

#[test]
fn the_first_policy_is_valid_and_has_no_predecessor() {
    let with = |policy| Spawn { policy, ..spawn_body() };
    refused(with(ComputePolicy { quorum: 3, ..policy() }), "the compute policy is not valid");
    let why = "the first policy has version 0 and no predecessor";
    refused(with(ComputePolicy { version: 1, ..policy() }), why);
    refused(with(ComputePolicy { previous: Some(Hash::ZERO), ..policy() }), why);
}

#[test]
fn the_module_is_accepted_by_a_unit_of_the_policy() {
    let acceptance = Acceptance { unit: unit(9), ..spawn_body().acceptance };
    let why = "the module is accepted by a unit outside of the policy";
    refused(Spawn { acceptance, ..spawn_body() }, why);
}

#[test]
fn limits_are_within_their_ranges() {
    let profile = Profile::v2().id();
    let with = |limits| Spawn { limits, profile, ..spawn_body() };
    assert_eq!(with(Limits::MAX).check(), Ok(()));
    refused(with(Limits { gas: 0, ..Limits::DEFAULT }), "the gas limit is out of range");
    let first = Spawn { profile: Profile::v1().id(), ..with(Limits::DEFAULT) };
    refused(first, "profile 1 has no limit of children");
}
