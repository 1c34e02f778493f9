use super::*;

/// A custom section.
fn custom(name: &str, data: &[u8]) -> Vec<u8> {
    let mut contents = vec![u8::try_from(name.len()).unwrap()];
    contents.extend_from_slice(name.as_bytes());
    contents.extend_from_slice(data);
    let (mut section, mut len) = (vec![CUSTOM], contents.len());
    while len > 0x7f {
        section.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
        len >>= 7;
    }
    section.push(u8::try_from(len).unwrap());
    section.extend(contents);
    section
}

#[test]
fn examples_are_modules_that_units_run() {
    for &(name, wasm) in example_modules::ALL {
        let checked = CheckedModule::check(wasm).unwrap();
        // The second version of the counter is a counter, too.
        assert_eq!(checked.schema.name.to_lowercase(), name.trim_end_matches('2'));
        assert_eq!(Client::schema_of(&checked.wasm), Some(checked.schema.clone()));
        assert_eq!(CheckedModule::check(&checked.wasm).unwrap(), checked, "nothing more to strip");
    }
}

#[test]
fn what_units_do_not_need_is_stripped() {
    let plain = CheckedModule::check(example_modules::COUNTER).unwrap();
    let mut large = example_modules::COUNTER.to_vec();
    large.extend(custom("name", &[1; 1_000]));
    assert_eq!(CheckedModule::check(&large).unwrap(), plain);
    let names: Vec<_> = sections(&plain.wasm).unwrap().iter().filter_map(|s| s.custom).collect();
    assert_eq!(names, [SCHEMA_SECTION.as_bytes()]);
}

#[test]
fn a_module_has_one_schema() {
    let mut two = example_modules::COUNTER.to_vec();
    two.extend(custom(SCHEMA_SECTION, &[]));
    assert_eq!(CheckedModule::check(&two), Err(ModuleError::Schemas(2)));
    let none = wat::parse_str("(module)").unwrap();
    assert_eq!(CheckedModule::check(&none), Err(ModuleError::Schemas(0)));
}

#[test]
fn a_schema_that_cannot_be_read_is_told_of() {
    let mut module = wat::parse_str("(module)").unwrap();
    module.extend(custom(SCHEMA_SECTION, b"?"));
    assert_eq!(CheckedModule::check(&module), Err(ModuleError::BadSchema));
}

#[test]
fn what_units_would_refuse_is_refused_here() {
    let sections = sections(example_modules::COUNTER).unwrap();
    let schema = sections.iter().find(|s| s.custom == Some(SCHEMA_SECTION.as_bytes())).unwrap();
    let mut module = wat::parse_str("(module (import \"env\" \"time\" (func)))").unwrap();
    module.extend_from_slice(schema.bytes);
    let error = CheckedModule::check(&module).unwrap_err();
    assert!(matches!(&error, ModuleError::Refused(PrepareError::Import { .. })), "{error}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_does_no_harm() {
    let module = example_modules::COUNTER;
    for end in (0..module.len()).step_by(997) {
        assert!(CheckedModule::check(&module[..end]).is_err(), "{end}");
    }
    assert_eq!(CheckedModule::check(b"?"), Err(ModuleError::Malformed));
}
