//! The orders of the MX hosts of `et` while no test waits, and with one server in the lead.

use crate::base::Server;
use Server::{Five as V, Four as IV, Six as VI, Three as III};

/// The orders in turn; every server leads and follows every other.
pub const IDLE: [[Server; 4]; 11] = [
    [V, IV, III, VI],
    [III, VI, V, IV],
    [IV, V, VI, III],
    [VI, III, IV, V],
    [III, IV, VI, V],
    [V, VI, III, IV],
    [IV, III, V, VI],
    [VI, V, IV, III],
    [III, V, IV, VI],
    [V, III, VI, IV],
    [IV, VI, III, V],
];

/// Which of several awaited servers leads first.
pub const LEADERS: [Server; 4] = [V, IV, III, VI];

/// The order with `leader` first: the next of the idle ones, from `turn` on, in which it leads.
/// A server that is no MX host of `et` leads none, and the idle order of that turn stands.
#[must_use]
pub fn led_by(leader: Server, turn: usize) -> [Server; 4] {
    (0..IDLE.len())
        .map(|step| IDLE[(turn + step) % IDLE.len()])
        .find(|order| order[0] == leader)
        .unwrap_or(IDLE[turn % IDLE.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_those_published() {
        let spelled: Vec<String> = IDLE
            .iter()
            .map(|order| order.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(
            spelled.join(" "),
            "5436 3654 4563 6345 3465 5634 4356 6543 3546 5364 4635"
        );
        for leader in LEADERS {
            for turn in 0..IDLE.len() {
                assert_eq!(led_by(leader, turn)[0], leader);
            }
        }
    }
}
