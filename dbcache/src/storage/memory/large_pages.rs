//! Memory in large pages, for what is read here and there for a long time.
//!
//! A processor remembers where some thousand pages of memory are, and to find out where another one is takes it longer
//! than to read a value there. Of pages of 2 MiB, rather than of 4 KiB, some thousand are all there are.
//!
//! Linux gives them to who asks ([transparent huge
//! pages](https://docs.kernel.org/admin-guide/mm/transhuge.html)); other systems are not asked.

use std::io;

use polars_arrow::types::NativeType;
use polars_buffer::Buffer;

/// How large such a page is on most machines.
pub(super) const LARGE_PAGE: usize = 2 << 20;

/// The same values, in large pages if they fill one and the system has some.
pub(super) fn in_large_pages<T: NativeType>(values: Buffer<T>) -> Buffer<T> {
    if size_of_val(values.as_slice()) < LARGE_PAGE {
        return values;
    }
    let bytes = values.clone().try_transmute::<u8>().ok();
    let moved = bytes.and_then(|bytes| moved(&bytes).ok());
    moved.and_then(|bytes| bytes.try_transmute().ok()).unwrap_or(values)
}

#[cfg(not(target_os = "linux"))]
fn moved(_: &[u8]) -> io::Result<Buffer<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn moved(bytes: &[u8]) -> io::Result<Buffer<u8>> {
    linux::LargePages::with(bytes).map(Buffer::from_owner)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use memmap2::{Advice, MmapMut};

    use super::LARGE_PAGE;

    /// So many pieces of memory are mapped: each takes two or three of the 65,530 areas that a process may have.
    const MOST: usize = 8192;
    static MAPPED: AtomicUsize = AtomicUsize::new(0);

    pub(super) struct LargePages {
        memory: MmapMut,
        used: Range<usize>,
    }

    impl LargePages {
        /// Large pages with a copy of some bytes.
        pub(super) fn with(bytes: &[u8]) -> io::Result<Self> {
            if MAPPED.load(Ordering::Relaxed) >= MOST {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            // What is left over before and behind the bytes is never touched, so that it takes no memory.
            let memory = MmapMut::map_anon(bytes.len() + LARGE_PAGE)?;
            let start = memory.as_ptr().align_offset(LARGE_PAGE);
            let mut pages = Self::new(memory, start..start + bytes.len());
            pages.memory.advise_range(Advice::HugePage, start, bytes.len())?;
            let used = pages.memory.get_mut(pages.used.clone()).ok_or(io::ErrorKind::OutOfMemory)?;
            used.copy_from_slice(bytes);
            Ok(pages)
        }

        fn new(memory: MmapMut, used: Range<usize>) -> Self {
            MAPPED.fetch_add(1, Ordering::Relaxed);
            Self { memory, used }
        }
    }

    impl Drop for LargePages {
        fn drop(&mut self) {
            MAPPED.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl AsRef<[u8]> for LargePages {
        fn as_ref(&self) -> &[u8] {
            self.memory.get(self.used.clone()).unwrap_or_default()
        }
    }
}
