//! Waiting by the time of day: over suspend and jumps of the clock as well, which the timers of a runtime sleep through.

use crate::base::Timestamp;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// An alarm clock.
pub struct Alarm(AsyncFd<Timer>);

struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    /// One that is not set. Needs a runtime.
    ///
    /// # Errors
    /// When the system has no timer left: out of file descriptors.
    #[expect(
        deprecated,
        reason = "what is to replace it is unsafe, for types that own no file descriptor; this one does"
    )]
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Timer(TimerFd::new(ClockId::CLOCK_REALTIME, flags)?);
        Ok(Self(AsyncFd::new(timer)?))
    }

    /// Waits until the clock shows this time, or was set, or the machine woke up again.
    ///
    /// # Errors
    /// When the timer cannot be set; nothing was waited for.
    pub async fn until(&self, time: Timestamp) -> io::Result<()> {
        let since = Duration::try_from(time.duration_since(Timestamp::UNIX_EPOCH));
        // No time at all would disarm it.
        let since = since.unwrap_or_default().max(Duration::from_nanos(1));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        let set = || {
            self.0
                .get_ref()
                .0
                .set(Expiration::OneShot(TimeSpec::from(since)), flags)
        };
        match set() {
            // The clock was set since the last time; it counts from now on.
            Err(nix::Error::ECANCELED) => return Ok(()),
            other => other?,
        }
        loop {
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().0.wait() {
                // It was ready for a time that nobody waits for any more.
                Err(nix::Error::EAGAIN) => ready.clear_ready(),
                // The time has come, or the clock was set.
                other => return Ok(other?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_at_its_time_and_again() {
        let alarm = Alarm::new().unwrap();
        for span in [
            Duration::from_millis(30),
            Duration::ZERO,
            Duration::from_millis(5),
        ] {
            let time = Timestamp::now() + span;
            alarm.until(time).await.unwrap();
            assert!(Timestamp::now() >= time);
        }
        alarm.until(Timestamp::UNIX_EPOCH).await.unwrap();
        // One that is given up is set anew.
        let hour = Timestamp::now() + Duration::from_secs(3600);
        let short = Duration::from_millis(5);
        assert!(
            tokio::time::timeout(short, alarm.until(hour))
                .await
                .is_err()
        );
        alarm.until(Timestamp::now() + short).await.unwrap();
    }
}
