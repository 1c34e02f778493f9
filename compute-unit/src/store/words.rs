//! Lists of small groups of numbers as values of a table: many short rows in one.

/// The bytes of a list.
pub(super) fn write<const N: usize>(list: &[[u64; N]]) -> Vec<u8> {
    list.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
}

/// The list of some bytes; what does not fill a group at the end is left out.
pub(super) fn read<const N: usize>(bytes: &[u8]) -> impl DoubleEndedIterator<Item = [u64; N]> {
    let (words, _) = bytes.as_chunks::<8>();
    let (groups, _) = words.as_chunks::<N>();
    groups.iter().map(|group| group.map(u64::from_le_bytes))
}
