//! What somebody perhaps meant who wrote a name that there is not.

/// The longest name that is compared: the cost grows with the square.
const LONGEST: usize = 64;

/// The candidate that is nearest to a text, if one is near at all.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let most = match text.chars().count() {
        0 | 1 => return None,
        2..=4 => 1,
        5..=8 => 2,
        9..=LONGEST => 3,
        _ => return None,
    };
    let near = candidates.into_iter().filter(|candidate| candidate.chars().count() <= LONGEST);
    let near = near.map(|candidate| (distance(text, candidate), candidate));
    let best = near.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far);
    best.map(|(_, candidate)| candidate.to_owned())
}

/// The end of a sentence that suggests something.
pub(super) fn suggestion(near: Option<&str>) -> String {
    near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
}

/// How many letters must be put in, left out, changed or swapped with the next (optimal string
/// alignment).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, letter) in one.chars().enumerate() {
        let mut this = vec![row + 1];
        for (column, target) in other.iter().enumerate() {
            let at = |cells: &[usize], column: usize| {
                cells.get(column).copied().unwrap_or(usize::MAX / 2)
            };
            let changed = at(&last, column) + usize::from(letter != *target);
            let mut least = changed.min(at(&last, column + 1) + 1).min(at(&this, column) + 1);
            let swapped = column
                .checked_sub(1)
                .filter(|left| previous == Some(*target) && other.get(*left) == Some(&letter));
            if let Some(left) = swapped {
                least = least.min(at(&before, left) + 1);
            }
            this.push(least);
        }
        before = std::mem::replace(&mut last, this);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
