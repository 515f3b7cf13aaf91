//! How soon the appliance answers after a cold start with the keys it has.

use super::measure::Failure;
use super::measure::say;
use super::measure::spread::Spread;
use super::probe;
use super::server::{Kind, Setup};
use std::time::{Duration, Instant};

/// How long an answer is waited for until the question is put again: a server that is not there yet drops it.
const LOOK: Duration = Duration::from_millis(5);
/// How long it may take at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds from the start of the process to its first answer.
///
/// # Errors
/// When it does not answer.
pub async fn measure(setup: &Setup, times: usize) -> Result<Option<Spread>, Failure> {
    let mut took = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        let server = setup.start(Kind::Ours, false).await?;
        while !probe::answers(server.address, LOOK).await? {
            if start.elapsed() > PATIENCE {
                return Err("the appliance does not answer after a cold start".into());
            }
        }
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let took = Spread::of(took);
    if let Some(took) = took {
        say(&format!("first answer after {} ms", took.text(0)));
    }
    Ok(took)
}
