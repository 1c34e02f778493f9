//! Sets of pages: which of a memory's 4 KiB pages something is true of.

/// Bits in a word of a set.
const WORD: u32 = u64::BITS;

/// A set of page indices, small where the memory is small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageSet {
    words: Vec<u64>,
    count: usize,
}

impl PageSet {
    /// How many pages are in it.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Whether no page is in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a page.
    pub(crate) fn insert(&mut self, page: u32) {
        let (word, bit) = place(page);
        if word >= self.words.len() {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.words.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.count = self.count.saturating_add(1);
        }
    }

    /// Whether a page is in it.
    #[cfg(test)]
    pub(crate) fn contains(&self, page: u32) -> bool {
        let (word, bit) = place(page);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Adds all pages of another set.
    pub(crate) fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            let fresh = (theirs & !*mine).count_ones();
            self.count = self.count.saturating_add(usize::try_from(fresh).unwrap_or(0));
            *mine |= theirs;
        }
    }

    /// Empties the set and keeps its room.
    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
    }

    /// The pages, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.words).flat_map(|(index, word)| {
            let first = index.saturating_mul(WORD);
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left.wrapping_sub(1);
                Some(first.saturating_add(bit))
            })
        })
    }
}

impl FromIterator<u32> for PageSet {
    fn from_iter<T: IntoIterator<Item = u32>>(pages: T) -> Self {
        let mut set = Self::default();
        pages.into_iter().for_each(|page| set.insert(page));
        set
    }
}

/// The word and the bit that stand for a page.
fn place(page: u32) -> (usize, u64) {
    (usize::try_from(page / WORD).unwrap_or(usize::MAX), 1 << (page % WORD))
}
