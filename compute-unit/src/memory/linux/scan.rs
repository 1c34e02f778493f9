//! Asks the page tables which pages of a mapping were written: `PAGEMAP_SCAN`, Linux 6.7.

#![expect(unsafe_code, reason = "an ioctl that rustix does not know")]

use std::{fs::File, io, ops::Range, sync::OnceLock};

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, opcode};

use crate::memory::STATE_PAGE;

/// The page belongs to a file.
const IS_FILE: u64 = 1 << 2;
/// The page is in memory.
const IS_PRESENT: u64 = 1 << 3;
/// The page is swapped out.
const IS_SWAPPED: u64 = 1 << 4;

/// Regions that one call can tell of.
const REGIONS_MAX: usize = 512;

/// `struct page_region` of `linux/fs.h`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` of `linux/fs.h`.
#[repr(C)]
#[derive(Debug, Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

// SAFETY: the opcode is that of `PAGEMAP_SCAN`, whose argument is a `struct pm_scan_arg`; the
// kernel writes `walk_end` and, where `vec` points, at most `vec_len` regions.
unsafe impl Ioctl for &mut Scan {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<Scan>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut::<Scan>(self).cast()
    }

    unsafe fn output_from_ptr(
        out: IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<Self::Output> {
        usize::try_from(out).map_err(|_| rustix::io::Errno::RANGE)
    }
}

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Offsets of private pages, in runs.
    pub(super) private: Vec<Range<usize>>,
    /// How many pages of the file are mapped.
    pub(super) mapped: usize,
    regions: Vec<Region>,
}

impl Found {
    /// Looks at a memory that is a private mapping of a file.
    pub(super) fn scan(&mut self, memory: &[u8]) -> io::Result<()> {
        let pagemap = pagemap().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        self.private.clear();
        self.mapped = 0;
        self.regions.resize(REGIONS_MAX, Region::default());
        let base = memory.as_ptr().addr();
        let end = base.saturating_add(memory.len());
        let mut from = base;
        while from < end {
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                start: from as u64,
                end: end as u64,
                vec: self.regions.as_mut_ptr().addr() as u64,
                vec_len: self.regions.len() as u64,
                category_anyof_mask: IS_PRESENT | IS_SWAPPED,
                return_mask: IS_FILE,
                ..Scan::default()
            };
            // SAFETY: `vec` and `vec_len` describe `regions`, which outlives the call.
            let count = unsafe { rustix::ioctl::ioctl(pagemap, &mut scan) }?;
            for region in self.regions.iter().take(count) {
                let offset = |address: u64| usize::try_from(address).unwrap_or(end) - base;
                let run = offset(region.start)..offset(region.end);
                if region.categories & IS_FILE == 0 {
                    self.private.push(run);
                } else {
                    self.mapped += run.len() / STATE_PAGE;
                }
            }
            from =
                usize::try_from(scan.walk_end).unwrap_or(end).max(from.saturating_add(STATE_PAGE));
        }
        Ok(())
    }
}

/// Whether the kernel answers, and pages are as large as this unit believes.
pub(super) fn is_supported() -> bool {
    /// The kernel takes whole pages only.
    #[repr(align(4096))]
    struct Page([u8; STATE_PAGE]);
    static PAGE: Page = Page([0; STATE_PAGE]);
    // Events of page faults are read as little-endian.
    cfg!(target_endian = "little")
        && rustix::param::page_size() == STATE_PAGE
        && Found::default().scan(&PAGE.0).is_ok()
}

fn pagemap() -> Option<&'static File> {
    static PAGEMAP: OnceLock<Option<File>> = OnceLock::new();
    PAGEMAP.get_or_init(|| File::open("/proc/self/pagemap").ok()).as_ref()
}
