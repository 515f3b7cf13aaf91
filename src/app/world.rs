//! The clock and the random bits of the running appliance; nobody else reads them.

use crate::base::Timestamp;
use crate::base::ports::{Clock, Random};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The system's source of random bits.
#[derive(Clone, Debug)]
pub struct SystemBits(SystemRandom);

impl SystemBits {
    /// Opens the source and draws from it once.
    ///
    /// # Errors
    /// When the system has no random bits to give; nothing can be started then.
    pub fn open() -> Result<Self, String> {
        let source = SystemRandom::new();
        source
            .fill(&mut [0; 1])
            .map_err(|_| "the system gives no random bits; is getrandom(2) forbidden here?".to_owned())?;
        Ok(Self(source))
    }
}

impl Random for SystemBits {
    fn fill(&self, buffer: &mut [u8]) {
        // The source was tried in `open`; once it has given bits it gives them for ever (getrandom(2)).
        // Should it fail all the same, predictable ids are worse than none.
        if self.0.fill(buffer).is_err() {
            tracing::error!("the system gives no random bits any more; stopping");
            std::process::abort();
        }
    }
}
