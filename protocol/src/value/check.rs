//! Checks that bytes are the canonical spelling of a value, without building it.

use super::{Value, ValueError};

/// What kind of item stands at the start of a canonical value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A map.
    Map,
    /// Anything else.
    Other,
}

/// Checks the one canonical spelling of a value, in memory bounded by its nesting.
///
/// # Errors
///
/// [`ValueError`] says what is wrong, as [`Value::decode`] does.
pub fn check_value(bytes: &[u8]) -> Result<ValueKind, ValueError> {
    let mut scanner = Scanner { rest: bytes };
    scanner.item(Value::DEPTH_MAX)?;
    if !scanner.rest.is_empty() {
        return Err(ValueError::TrailingBytes);
    }
    // Major type 5 is the map (RFC 8949 section 3.1).
    let map = bytes.first().is_some_and(|first| first >> 5 == 5);
    Ok(if map { ValueKind::Map } else { ValueKind::Other })
}

struct Scanner<'b> {
    rest: &'b [u8],
}

impl<'b> Scanner<'b> {
    fn item(&mut self, depth: u32) -> Result<(), ValueError> {
        let first = self.array::<1>()?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        match major {
            0 | 1 => self.argument(info).map(drop),
            2 => {
                let length = self.argument(info)?;
                self.take(length).map(drop)
            }
            3 => {
                let length = self.argument(info)?;
                let text = self.take(length)?;
                let malformed = |_| ValueError::Malformed("text is not UTF-8".to_owned());
                std::str::from_utf8(text).map(drop).map_err(malformed)
            }
            4 => {
                let depth = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
                let count = self.argument(info)?;
                (0..count).try_for_each(|_| self.item(depth))
            }
            5 => self.map(info, depth),
            6 => Err(ValueError::Unsupported("tags")),
            _ => self.simple(info),
        }
    }

    fn map(&mut self, info: u8, depth: u32) -> Result<(), ValueError> {
        let depth = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
        let count = self.argument(info)?;
        let mut last: Option<&[u8]> = None;
        for _ in 0..count {
            let before = self.rest;
            self.item(depth)?;
            let length = before.len() - self.rest.len();
            let key = before.get(..length).unwrap_or_default();
            match last.map(|last| last.cmp(key)) {
                Some(std::cmp::Ordering::Equal) => return Err(ValueError::DuplicateKey),
                Some(std::cmp::Ordering::Greater) => return Err(ValueError::NotCanonical),
                _ => last = Some(key),
            }
            self.item(depth)?;
        }
        Ok(())
    }

    /// Null, truth values and floats of their shortest width.
    fn simple(&mut self, info: u8) -> Result<(), ValueError> {
        let before = self.rest;
        let float = match info {
            20..=22 => return Ok(()),
            25 => half::f16::from_be_bytes(self.array()?).to_f64(),
            26 => f64::from(f32::from_be_bytes(self.array()?)),
            27 => f64::from_be_bytes(self.array()?),
            31 => return Err(ValueError::NotCanonical),
            _ => return Err(ValueError::Unsupported("such simple values")),
        };
        let mut shortest = Vec::with_capacity(9);
        super::write_float(float, &mut shortest);
        let (spelled, payload) = (before.len() - self.rest.len(), shortest.get(1..));
        let canonical = before.get(..spelled) == payload;
        if canonical { Ok(()) } else { Err(ValueError::NotCanonical) }
    }

    /// The argument of a header, in its shortest form.
    fn argument(&mut self, info: u8) -> Result<u64, ValueError> {
        let (value, least) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            31 => return Err(ValueError::NotCanonical),
            _ => return Err(ValueError::Malformed("a reserved length".to_owned())),
        };
        if value >= least { Ok(value) } else { Err(ValueError::NotCanonical) }
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], ValueError> {
        let taken =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = taken.ok_or_else(end)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(end)?;
        self.rest = rest;
        Ok(*taken)
    }
}

fn end() -> ValueError {
    ValueError::Malformed("it ends before it is complete".to_owned())
}

#[cfg(test)]
mod tests;
