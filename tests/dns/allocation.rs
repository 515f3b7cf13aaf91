//! Answering does not allocate once the buffers have grown.
#![allow(
    unsafe_code,
    reason = "only an allocator can count allocations, and that is an unsafe trait"
)]

use crate::ask::{query, rtype};
use crate::rows::{ROWS, whole_world};
use mailproof::serve::dns::{Scratch, answer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator; the count is a number of the thread's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no count any more.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn answering_allocates_nothing() {
    let snapshot = whole_world();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let queries: Vec<_> = ROWS
        .iter()
        .map(|(name, of_type, edns, transport, _)| {
            let query = query(name, rtype(of_type), *edns);
            (query.to_vec().unwrap(), *transport)
        })
        .collect();
    let mut answer_all = || {
        let before = ALLOCATIONS.get();
        for (query, transport) in &queries {
            answer(&snapshot, query, &mut out, &mut scratch, *transport);
        }
        ALLOCATIONS.get() - before
    };
    assert!(answer_all() > 0, "the buffers grow at first");
    assert_eq!(answer_all(), 0);
}
