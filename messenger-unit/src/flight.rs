//! What is on its way to one scheduler, until it answers.

use std::{
    collections::{BTreeMap, HashSet},
    mem,
    sync::Arc,
};

use protocol::{Entry, EntryId, OriginProof, PairNumber, ProcessId, Provenance};

use crate::{
    errand::{Errand, ErrandFlight},
    location::Known,
    outbox::PairKey,
    parcel::Parcel,
    session::{Session, Share},
    wire::{FrameBuilder, OriginRef},
};

/// Something on its way to a scheduler.
#[derive(Debug)]
pub(crate) enum Flight {
    /// A client's entry.
    Client(Box<ClientFlight>),
    /// An item of the outbox.
    Parcel(ParcelFlight),
    /// An entry of the messenger's own.
    Errand(Box<ErrandFlight>),
}

/// A client's entry.
#[derive(Debug)]
pub(crate) struct ClientFlight {
    /// Whose.
    pub(crate) session: Arc<Session>,
    /// The tag the client knows it by.
    pub(crate) tag: u64,
    /// The entry's id.
    pub(crate) id: EntryId,
    /// The entry.
    pub(crate) entry: Entry,
    /// Its proof, where it needs one.
    pub(crate) origin: Option<Box<OriginProof>>,
    /// Who the target of an answered item is, where it needs that.
    pub(crate) introduction: Option<Box<Provenance>>,
    /// How often it has followed its process to another scheduler.
    pub(crate) reroutes: u32,
    /// The memory it takes, given back when this is dropped.
    pub(crate) _share: Arc<Share>,
}

/// Entries of clients that go the same way, in order.
pub(crate) type Entries = Vec<Box<ClientFlight>>;

/// An item of the outbox.
#[derive(Debug)]
pub(crate) struct ParcelFlight {
    /// The pair.
    pub(crate) pair: PairKey,
    /// The item's place in it.
    pub(crate) number: PairNumber,
    /// The outbox's ticket.
    pub(crate) ticket: u64,
    /// The item.
    pub(crate) parcel: Parcel,
    /// The source, where it must be introduced.
    pub(crate) introduction: Option<Arc<Known>>,
}

/// What is in flight, by the tag the scheduler knows it by.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    flights: BTreeMap<u64, Flight>,
    next_tag: u64,
    /// Processes that the scheduler said it no longer orders.
    moved: HashSet<ProcessId>,
}

/// Processes remembered to have moved away from one scheduler.
const MOVED_MAX: usize = 65_536;

impl InFlight {
    /// Keeps something that is not submitted yet.
    pub(crate) fn keep(&mut self, flight: Flight) {
        self.flights.insert(self.next_tag, flight);
        self.next_tag += 1;
    }

    /// Adds something to a frame and keeps it, or gives it back if no frame can hold it.
    pub(crate) fn encode(
        &mut self,
        flight: Flight,
        frame: &mut FrameBuilder,
    ) -> Result<(), Flight> {
        if !put(self.next_tag, &flight, frame) {
            return Err(flight);
        }
        self.keep(flight);
        Ok(())
    }

    /// Fills a frame with what is kept from a tag on; gives the tag to go on from.
    pub(crate) fn encode_from(&mut self, from: u64, frame: &mut FrameBuilder) -> Option<u64> {
        for (tag, flight) in self.flights.range(from..) {
            // What is kept has been put into a frame before, or is a client's and no longer than one.
            let _ = put(*tag, flight, frame);
            if frame.len() >= FrameBuilder::FULL {
                return Some(tag + 1);
            }
        }
        None
    }

    /// Takes what is answered.
    pub(crate) fn take(&mut self, tag: u64) -> Option<Flight> {
        self.flights.remove(&tag)
    }

    /// Takes an item of the outbox that is answered; other flights under the tag stay.
    pub(crate) fn take_parcel(&mut self, tag: u64) -> Option<ParcelFlight> {
        let std::collections::btree_map::Entry::Occupied(found) = self.flights.entry(tag) else {
            return None;
        };
        match found.remove() {
            Flight::Parcel(flight) => Some(flight),
            other => {
                self.flights.insert(tag, other);
                None
            }
        }
    }

    /// Whether the scheduler said that it no longer orders a process.
    pub(crate) fn has_moved(&self, process: &ProcessId) -> bool {
        !self.moved.is_empty() && self.moved.contains(process)
    }

    /// Takes back that a process has moved: it has come again.
    pub(crate) fn comes_back(&mut self, process: &ProcessId) {
        self.moved.remove(process);
    }

    /// Takes all client entries for a process that has moved, in order.
    pub(crate) fn take_moved(&mut self, process: ProcessId) -> Entries {
        if self.moved.len() >= MOVED_MAX {
            self.moved.clear();
        }
        self.moved.insert(process);
        let of_it = |_: &u64, flight: &mut Flight| matches!(flight, Flight::Client(flight) if flight.entry.target() == process);
        let taken = self.flights.extract_if(.., of_it);
        let client = |flight| match flight {
            Flight::Client(flight) => Some(flight),
            Flight::Parcel(_) | Flight::Errand(_) => None,
        };
        taken.filter_map(|(_, flight)| client(flight)).collect()
    }

    /// Takes everything, in order.
    pub(crate) fn take_all(&mut self) -> Vec<Flight> {
        mem::take(&mut self.flights).into_values().collect()
    }

    /// Takes all items of the outbox, in order, and lets go of the messenger's own entries.
    pub(crate) fn take_parcels(&mut self) -> Vec<ParcelFlight> {
        let all = mem::take(&mut self.flights);
        let mut parcels = Vec::new();
        for (tag, flight) in all {
            match flight {
                Flight::Parcel(flight) => parcels.push(flight),
                Flight::Errand(_) => {}
                flight @ Flight::Client(_) => drop(self.flights.insert(tag, flight)),
            }
        }
        parcels
    }
}

/// Adds a submission to a frame; `false` if no frame can hold it.
fn put(tag: u64, flight: &Flight, frame: &mut FrameBuilder) -> bool {
    match flight {
        Flight::Client(flight) => {
            let (origin, introduction) = (flight.origin.as_deref(), flight.introduction.as_deref());
            frame.push(tag, &flight.entry, origin, introduction, None)
        }
        Flight::Parcel(ParcelFlight { parcel, introduction, .. }) => {
            let Some((entry, item)) = parcel.entry().zip(parcel.path()) else { return false };
            let link = frame.link(&parcel.proof, &item).filter(|_| introduction.is_none());
            if let Some(link) = link {
                return frame.push(tag, &entry, None::<OriginRef<'_>>, None, Some(&link));
            }
            let introduction = introduction.as_ref().map(|known| &known.provenance);
            let origin = OriginRef::new(&parcel.proof, &item, introduction, None);
            frame.push(tag, &entry, Some(origin), None, None)
        }
        Flight::Errand(flight) => put_errand(tag, &flight.errand, frame),
    }
}

fn put_errand(tag: u64, errand: &Errand, frame: &mut FrameBuilder) -> bool {
    let Errand { entry, emitted, introduction } = errand;
    let introduction = introduction.as_ref().map(|known| &known.provenance);
    let Some(parcel) = emitted else {
        return frame.push(tag, entry, None::<OriginRef<'_>>, introduction, None);
    };
    let Some(item) = parcel.path() else { return false };
    let origin = OriginRef::new(&parcel.proof, &item, None, parcel.item());
    frame.push(tag, entry, Some(origin), introduction, None)
}
