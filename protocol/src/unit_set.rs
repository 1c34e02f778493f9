//! A set of units with one spelling: in ascending order, none twice, not too many.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::UnitId;

/// Units in ascending order, none twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UnitSet(Vec<UnitId>);

impl UnitSet {
    /// The most units in a set: as many as a directory holds.
    pub const UNITS_MAX: usize = 4_096;

    /// The set of these units; of more than [`Self::UNITS_MAX`] the last are left out.
    pub fn new(units: impl IntoIterator<Item = UnitId>) -> Self {
        let mut units: Vec<UnitId> = units.into_iter().collect();
        units.sort_unstable();
        units.dedup();
        units.truncate(Self::UNITS_MAX);
        Self(units)
    }

    /// Whether a unit is in it.
    pub fn contains(&self, unit: &UnitId) -> bool {
        self.0.binary_search(unit).is_ok()
    }

    /// The units, in order.
    pub fn as_slice(&self) -> &[UnitId] {
        &self.0
    }
}

impl<C> Encode<C> for UnitSet {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        self.0.encode(e, context)
    }
}

impl<'b, C> Decode<'b, C> for UnitSet {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let position = d.position();
        let refuse = |reason| Err(decode::Error::message(reason).at(position));
        let mut units: Vec<UnitId> = Vec::new();
        for unit in d.array_iter_with(context)? {
            let unit = unit?;
            if units.len() >= Self::UNITS_MAX {
                return refuse("too many units");
            }
            if units.last().is_some_and(|last| *last >= unit) {
                return refuse("units are not in ascending order");
            }
            units.push(unit);
        }
        Ok(Self(units))
    }
}

#[cfg(test)]
mod tests;
