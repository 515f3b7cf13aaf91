//! The file descriptors that as many clients need as the configuration allows.

use crate::base::limits;
use crate::config::Config;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for files, listeners, look-ups and outgoing connections.
const OTHERS: u64 = 512;

/// Raises this process's limit to what its clients may need, as far as the system allows, and warns if that is too little:
/// clients beyond it have to wait.
pub fn provide(config: &Config) {
    let clients = config.limits.smtp_clients + config.dns.tcp_clients;
    let needed = (clients + limits::WEB_CLIENTS + limits::CONTROL_CLIENTS) as u64 + OTHERS;
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft >= needed => return,
        Ok((soft, hard)) => {
            let wanted = needed.min(hard);
            match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
                Ok(()) => wanted,
                Err(_) => soft,
            }
        }
        Err(_) => 0,
    };
    if allowed < needed {
        tracing::warn!(
            "limits.smtp_clients and dns.tcp_clients need {needed} file descriptors, the system allows {allowed}: raise \
             its limit (LimitNOFILE of systemd, ulimit -n) or lower them"
        );
    }
}
