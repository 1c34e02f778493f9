use super::*;

#[test]
fn every_shell_has_a_script_that_asks_this_program() {
    for shell in Shell::value_variants() {
        let script = shell.script().unwrap();
        assert!(script.contains(ASKED) && script.contains(NAME), "{shell:?}: {script}");
    }
}
