use super::*;

#[test]
fn names_of_crates_are_taken() {
    for name in ["a", "shop", "My-Shop_2", "x".repeat(64).as_str()] {
        assert_eq!(name.parse::<CrateName>().unwrap().to_string(), name);
    }
}

#[test]
fn what_no_crate_is_called_is_refused() {
    for name in ["", "1st", "-a", "_a", "a b", "a.b", "a/b", "naïve", "x".repeat(65).as_str()] {
        assert_eq!(name.parse::<CrateName>(), Err(NameError::Characters), "{name}");
    }
}

#[test]
fn names_that_mean_something_else_are_refused() {
    for name in ["fn", "self", "Self", "std", "serde", "antiphon", "protocol", "test"] {
        assert_eq!(name.parse::<CrateName>(), Err(NameError::Taken), "{name}");
    }
}
