use super::*;

fn on(choice: ColorChoice, variables: &[(&str, &str)], is_terminal: bool) -> bool {
    let variable = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.into())
    };
    decide(choice, variable, is_terminal)
}

#[test]
fn only_a_terminal_gets_colours_unless_somebody_says_otherwise() {
    let auto =
        |variables: &[(&str, &str)], is_terminal| on(ColorChoice::Auto, variables, is_terminal);
    assert!(auto(&[], true) && !auto(&[], false));
    assert!(!auto(&[("NO_COLOR", "1")], true));
    assert!(auto(&[("NO_COLOR", "")], true), "empty is not set");
    assert!(auto(&[("CLICOLOR_FORCE", "1")], false));
    assert!(!auto(&[("CLICOLOR_FORCE", "0")], false));
    assert!(!auto(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
    assert!(!auto(&[("CLICOLOR", "0")], true));
    assert!(!auto(&[("TERM", "dumb")], true));
}

#[test]
fn an_option_is_stronger_than_any_variable() {
    assert!(on(ColorChoice::Always, &[("NO_COLOR", "1")], false));
    assert!(!on(ColorChoice::Never, &[("CLICOLOR_FORCE", "1")], true));
}

#[test]
fn the_option_is_found_among_any_words() {
    let found = |line: &str| among(line.split(' ').map(OsString::from));
    assert_eq!(found("antiphon fly --color never"), ColorChoice::Never);
    assert_eq!(found("antiphon --color=always"), ColorChoice::Always);
    assert_eq!(found("antiphon --color"), ColorChoice::Auto);
    assert_eq!(found("antiphon --color=mauve"), ColorChoice::Auto);
    assert_eq!(found("antiphon -- --color=never"), ColorChoice::Auto);
}

#[test]
fn without_colours_a_text_is_as_it_was() {
    assert_eq!(paint(false, WRONG, "error:"), "error:");
    let painted = paint(true, WRONG, "error:");
    assert!(painted.starts_with('\u{1b}') && painted.ends_with("\u{1b}[0m"), "{painted:?}");
}
