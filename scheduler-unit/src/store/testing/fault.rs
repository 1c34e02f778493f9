//! When a disk fails, and how.

use std::io;

/// When the disk fails.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// Changes and syncs so far.
    pub(super) done: u64,
    /// Changes and syncs that still succeed.
    pub(super) left: Option<u64>,
    /// How many fail then.
    pub(super) failures: u64,
    /// How many of the changes after that find room on the disk.
    pub(super) room: Option<u64>,
    /// Syncs say that they are done and do nothing.
    pub(super) lying: bool,
    /// Something has failed.
    pub(super) failed: bool,
    pub(super) seed: u64,
}

impl Fault {
    /// Counts a change or a sync; tells if it is to fail.
    pub(super) fn count(&mut self) -> io::Result<()> {
        self.done += 1;
        match self.left {
            Some(0) if self.failures > 0 => {
                self.failures -= 1;
                self.failed = true;
                return Err(io::Error::other("the disk is told to fail"));
            }
            Some(0) => self.left = None,
            Some(left) => self.left = Some(left - 1),
            None => {}
        }
        Ok(())
    }

    /// Takes room for what lies where nothing lay before.
    pub(super) fn allocate(&mut self, blocks: u64) -> io::Result<()> {
        match &mut self.room {
            Some(room) if *room < blocks => {
                self.failed = true;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some(room) => {
                *room -= blocks;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.seed >> 33
    }
}
