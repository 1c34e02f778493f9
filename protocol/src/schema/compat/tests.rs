use super::*;

fn method(name: &str, kind: MethodKind, params: &[(&str, Type)], returns: Type) -> Method {
    let param = |(name, ty): &(&str, Type)| Param { name: (*name).to_owned(), ty: ty.clone() };
    let params = params.iter().map(param).collect();
    Method { name: name.to_owned(), kind, params, returns, docs: String::new(), errors: Vec::new() }
}

const U64: Type = Type::Integer { bits: 64, signed: false };

fn schema() -> Schema {
    Schema {
        abi: 1,
        name: "Counter".to_owned(),
        docs: String::new(),
        state_version: 2,
        methods: vec![
            method("new", MethodKind::Init, &[("start", U64)], Type::Null),
            method("get", MethodKind::View, &[], U64),
            method("add", MethodKind::Message, &[("by", U64), ("note", Type::Text)], U64),
        ],
        events: Vec::new(),
    }
}

/// What a change of `add`, the last method, breaks.
fn broken(change: impl FnOnce(&mut Method)) -> Vec<SchemaBreak> {
    let mut new = schema();
    change(new.methods.last_mut().unwrap());
    breaking_changes(&schema(), &new)
}

fn add() -> String {
    "add".to_owned()
}

fn param(name: &str, ty: Type) -> Param {
    Param { name: name.to_owned(), ty }
}

#[test]
fn what_callers_cannot_notice_breaks_nothing() {
    let mut new = schema();
    new.docs = "Counts.".to_owned();
    new.state_version = 3;
    new.methods.reverse();
    new.methods.push(method("reset", MethodKind::Message, &[], Type::Null));
    new.methods.retain(|method| method.kind != MethodKind::Init);
    new.methods.push(method("begin", MethodKind::Init, &[], Type::Null));
    assert_eq!(breaking_changes(&schema(), &new), []);
    assert_eq!(breaking_changes(&schema(), &schema()), []);
    assert_eq!(broken(|add| add.params.reverse()), []);
}

#[test]
fn a_parameter_may_be_added_or_widened_where_it_can_be_left_out() {
    let option = || Type::Option(Box::new(U64));
    assert_eq!(broken(|add| add.params.push(param("to", option()))), []);
    assert_eq!(broken(|add| add.params[0].ty = option()), []);
    let added = SchemaBreak::ParamAdded { method: add(), param: "to".to_owned() };
    assert_eq!(broken(|add| add.params.push(param("to", U64))), [added]);
}

#[test]
fn everything_that_callers_rely_on_is_told() {
    let by = || "by".to_owned();
    let removed = SchemaBreak::ParamRemoved { method: add(), param: by() };
    assert_eq!(broken(|add| drop(add.params.remove(0))), [removed]);
    let changed = SchemaBreak::ParamChanged { method: add(), param: by() };
    assert_eq!(broken(|add| add.params[0].ty = Type::Float), [changed]);
    let kind = SchemaBreak::KindChanged { method: add(), now: MethodKind::View };
    assert_eq!(broken(|add| add.kind = MethodKind::View), [kind]);
    let returns = SchemaBreak::ReturnsChanged { method: add() };
    assert_eq!(broken(|add| add.returns = Type::Option(Box::new(U64))), [returns]);
    let gone = SchemaBreak::MethodRemoved { method: add() };
    let renamed = broken(|add| add.name = "plus".to_owned());
    assert_eq!(renamed, [gone]);
}

#[test]
fn a_state_does_not_go_to_a_module_that_knows_only_older_ones() {
    let new = Schema { state_version: 1, ..schema() };
    let lower = SchemaBreak::StateVersionLower { old: 2, new: 1 };
    assert_eq!(breaking_changes(&schema(), &new), [lower]);
}

#[test]
fn a_method_that_became_the_initialiser_is_gone() {
    let gone = SchemaBreak::MethodRemoved { method: add() };
    assert_eq!(broken(|add| add.kind = MethodKind::Init), [gone]);
}

#[test]
fn each_break_is_a_sentence_of_its_own() {
    let all = broken(|add| {
        add.kind = MethodKind::View;
        add.params = vec![param("by", Type::Text), param("of", U64)];
        add.returns = Type::Null;
    });
    let told: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`add` is a view now",
            "the parameter `by` of `add` has another type",
            "`add` has no parameter `note` any more",
            "`add` wants a new parameter `of`",
            "`add` replies with another type",
        ]
    );
}
