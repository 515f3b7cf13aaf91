//! Answering does not allocate once the buffers have grown, nor does the way from a socket and back.
#![allow(
    unsafe_code,
    reason = "only an allocator can count allocations, and that is an unsafe trait"
)]

use crate::ask::{client, query, rtype, with_options};
use crate::rows::{ROWS, whole_world};
use crate::server::Server;
use crate::world::World;
use hickory_proto::rr::RecordType;
use mailproof::serve::dns::Transport::Udp;
use mailproof::serve::dns::{Circumstances, CookieSecret, Cookies, Scratch, answer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::Ordering;

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

/// How often this thread has allocated.
pub fn allocations() -> usize {
    ALLOCATIONS.get()
}

#[test]
fn answering_allocates_nothing() {
    let snapshot = whole_world();
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    let mut queries: Vec<_> = ROWS
        .iter()
        .map(|(name, of_type, edns, transport, _)| {
            let query = query(name, rtype(of_type), *edns);
            (query.to_vec().unwrap(), *transport)
        })
        .collect();
    let secret = CookieSecret([7; 16]);
    let cookies = Cookies {
        secret: &secret,
        client: "192.0.2.1".parse().unwrap(),
        now: 1_800_000_000,
    };
    for name in ["et.lab", "nothing.et.lab", "nowhere"] {
        for cookie in [&[7; 8][..], &[7; 24]] {
            let question = query(name, RecordType::MX, None);
            queries.push((with_options(&question, &[(3, &[]), (10, cookie)]), Udp));
        }
    }
    let mut answer_all = || {
        let before = ALLOCATIONS.get();
        for (query, transport) in &queries {
            let circumstances = Circumstances {
                transport: *transport,
                identity: "ns.lab",
                cookies: Some(cookies),
            };
            answer(&snapshot, query, &mut out, &mut scratch, circumstances);
        }
        ALLOCATIONS.get() - before
    };
    assert!(answer_all() > 0, "the buffers grow at first");
    assert_eq!(answer_all(), 0);
}

/// From the system's buffer to the system's buffer, limits and cookies included.
#[test]
fn a_thread_that_serves_allocates_nothing() {
    let server = Server::start_at(&["127.0.0.1:0"], 1_000_000, World::new().zones);
    let temper = &server.desk.1;
    temper.counts.store(true, Ordering::Relaxed);
    // One client is served by one thread.
    let client = client("127.0.0.1");
    let question = query("et.lab", RecordType::MX, None);
    let queries = [
        question.to_vec().unwrap(),
        with_options(&question, &[(3, &[]), (10, &[7; 8])]),
    ];
    let ask_often = || {
        for query in queries.iter().cycle().take(500) {
            client.send_to(query, server.address).unwrap();
            client.recv(&mut [0; 1232]).unwrap();
        }
        temper.allocations.load(Ordering::Relaxed)
    };
    let before = ask_often();
    assert!(before > 0, "the buffers are made at first");
    assert_eq!(ask_often(), before);
    server.stop();
}
