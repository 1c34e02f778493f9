//! Bech32m (BIP 350) for 32 bytes. Made by hand, as almost every module contains it: a library for
//! all lengths and variants, with the errors of each, is a tenth of a small one.

/// What 32 bytes are spelled with: five bits a symbol, the last one with four spare bits.
const DATA: usize = 52;

/// The symbols at the end that check the others.
const CHECKSUM: usize = 6;

/// What the checksum of a right spelling comes to.
const RIGHT: u32 = 0x2bc8_30a3;

const SYMBOLS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// Spells bytes with a prefix of lower-case letters.
pub(crate) fn spell(prefix: &str, bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + DATA + CHECKSUM);
    text.push_str(prefix);
    text.push('1');
    let mut sum = sum_of_prefix(prefix.as_bytes());
    let mut push = |value: u8| {
        sum = step(sum, value);
        text.push(symbol(value));
    };
    let (mut bits, mut count) = (0_u16, 0);
    for byte in bytes {
        bits = (bits << 8) | u16::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            push(low_five(u32::from(bits >> count)));
        }
    }
    push(low_five(u32::from(bits << (5 - count))));
    for _ in 0..CHECKSUM {
        sum = step(sum, 0);
    }
    for place in (0..CHECKSUM).rev() {
        text.push(symbol(low_five((sum ^ RIGHT) >> (5 * place))));
    }
    text
}

/// Reads what [`spell`] writes, and nothing else.
///
/// # Errors
///
/// Why it is not the one spelling of 32 bytes with this prefix.
pub(crate) fn read(text: &str, prefix: &str) -> Result<[u8; 32], &'static str> {
    const MISMATCH: &str = "the checksum does not match, check for a typing error";
    let text = text.as_bytes();
    let separator = text.iter().rposition(|byte| *byte == b'1').ok_or(MISMATCH)?;
    let (found, symbols) = text.split_at_checked(separator).ok_or(MISMATCH)?;
    let mut sum = sum_of_prefix(found);
    for byte in symbols.iter().skip(1) {
        sum = step(sum, value(*byte).ok_or(MISMATCH)?);
    }
    if sum != RIGHT {
        return Err(MISMATCH);
    }
    if found != prefix.as_bytes() {
        return Err("it names something of another kind");
    }
    match symbols.len().checked_sub(1 + CHECKSUM) {
        Some(DATA) => {}
        Some(len) if len > DATA => return Err("it is too long"),
        _ => return Err("it is too short"),
    }
    let mut values = symbols.iter().skip(1).filter_map(|byte| value(*byte));
    let (mut bits, mut count) = (0_u16, 0);
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        while count < 8 {
            bits = (bits << 5) | u16::from(values.next().unwrap_or_default());
            count += 5;
        }
        count -= 8;
        [_, *byte] = (bits >> count).to_be_bytes();
    }
    // The spare bits are the last of the last symbol.
    if bits & 0xf == 0 { Ok(bytes) } else { Err("it has spare bits set") }
}

fn sum_of_prefix(prefix: &[u8]) -> u32 {
    let high = prefix.iter().fold(1, |sum, byte| step(sum, byte >> 5));
    prefix.iter().fold(step(high, 0), |sum, byte| step(sum, byte & 0x1f))
}

/// Takes another symbol into the checksum.
fn step(sum: u32, value: u8) -> u32 {
    let top = sum >> 25;
    let mut next = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
    for (bit, generator) in GENERATORS.iter().enumerate() {
        if (top >> bit) & 1 == 1 {
            next ^= generator;
        }
    }
    next
}

fn low_five(bits: u32) -> u8 {
    let [.., low] = bits.to_be_bytes();
    low & 0x1f
}

fn symbol(value: u8) -> char {
    char::from(*SYMBOLS.get(usize::from(value)).expect("five bits have a symbol"))
}

fn value(symbol: u8) -> Option<u8> {
    SYMBOLS.iter().zip(0..).find_map(|(other, value)| (*other == symbol).then_some(value))
}

#[cfg(test)]
mod tests;
