//! The appliance under load: it goes on, answers, and takes no more of the machine as time goes by.

use crate::account::Account;
use crate::appliance::{Appliance, wait_for};
use crate::dns;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

const LOOKS: Duration = Duration::from_millis(500);
/// Looks between two questions to the appliance.
const QUESTIONS: usize = 10;
/// Loads shorter than this are over before memory has found its level.
const LEVEL: Duration = Duration::from_secs(240);
/// By how much memory may grow in the second half of a longer one, in MB.
const GROWTH: usize = 32;
/// Memory that no load may bring it to, in MB.
const MEMORY: usize = 400;
/// Descriptors beyond those of the clients that it may have open at a time, and after the load.
const SPARE: usize = 40;

/// What a process takes of the machine.
#[derive(Clone, Copy, Default)]
pub struct Use {
    /// Resident memory, in MB.
    memory: usize,
    descriptors: usize,
}

impl Use {
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line
            .and_then(|line| line.split_whitespace().next())
            .unwrap();
        Self {
            memory: kilobytes.parse::<usize>().unwrap() / 1024,
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB, {} descriptors", self.memory, self.descriptors)
    }
}

/// Watches it for this time under the load of so many senders.
pub fn watch(appliance: &Appliance, account: &Account, time: Duration, senders: usize, idle: Use) {
    let start = Instant::now();
    let mut halves = [Use::default(); 2];
    let mut look = 0;
    while start.elapsed() < time {
        std::thread::sleep(LOOKS);
        account.check();
        let half = usize::from(start.elapsed() > time / 2);
        let now = Use::of(appliance.pid());
        halves[half] = halves[half].max(now);
        if look % QUESTIONS == 0 {
            assert_eq!(appliance.json(&["status"])["running"], true);
            dns::serial(appliance.ports.dns, "et.example.org");
        }
        if look % (12 * QUESTIONS) == 0 {
            println!("soak: {:>3} s: {now}", start.elapsed().as_secs());
        }
        look += 1;
    }
    let [first, second] = halves;
    println!("soak: idle {idle}; at most in the first half {first}, in the second {second}");
    for half in halves {
        let descriptors = idle.descriptors + 2 * senders + SPARE;
        assert!(
            half.descriptors <= descriptors,
            "{half}; {descriptors} would do"
        );
        assert!(half.memory <= MEMORY, "{half}");
    }
    if time >= LEVEL {
        assert!(
            second.memory <= first.memory + GROWTH,
            "{first}, then {second}"
        );
    }
}

/// Waits until it has given back the descriptors of all clients.
pub fn wait_until_idle(appliance: &Appliance, before: Use) {
    wait_for("descriptors to be given back", || {
        let now = Use::of(appliance.pid());
        (now.descriptors <= before.descriptors + SPARE).then_some(())
    });
    println!("soak: after the load {}", Use::of(appliance.pid()));
}
