//! Every socket of the appliance, bound before anything is made, so that a port in use leaves nothing half done.

use super::{StartError, failed};
use crate::config::Config;
use crate::serve;

/// The listeners, ready to be served.
pub struct Sockets {
    pub dns: serve::dns::Sockets,
    pub smtp: Vec<serve::Listener>,
    pub https: Vec<serve::Listener>,
    pub http: Vec<serve::Listener>,
    pub control: Option<serve::ControlListener>,
}

impl Sockets {
    /// Binds all of them.
    ///
    /// # Errors
    /// When one cannot be bound; its address is named.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let network = &config.network;
        Ok(Self {
            dns: serve::dns::bind(&network.listeners(network.dns_port)).map_err(failed)?,
            smtp: serve::smtp::bind(&network.listeners(network.smtp_port)).map_err(failed)?,
            https: serve::web::bind(&network.listeners(network.https_port)).map_err(failed)?,
            http: match network.http_port {
                Some(port) => serve::web::bind(&network.listeners(port)).map_err(failed)?,
                None => Vec::new(),
            },
            control: None,
        })
    }

    /// Opens the control socket; after root was given up, so that it belongs to who may command.
    ///
    /// # Errors
    /// When its folder cannot be made or another appliance answers there.
    pub fn open_control(&mut self, config: &Config) -> Result<(), StartError> {
        let path = &config.network.control;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)
                .map_err(|error| failed(format!("{}: {error}", folder.display())))?;
        }
        self.control = Some(serve::control::bind(path).map_err(failed)?);
        Ok(())
    }
}

/// Gives up root for this user, its group and its supplementary groups; an empty name stays what it is, as does a
/// process that is not root.
///
/// # Errors
/// When there is no such user, or the system refuses.
pub fn become_user(name: &str) -> Result<(), StartError> {
    use nix::unistd::{User, geteuid, initgroups, setgid, setuid};
    if name.is_empty() || !geteuid().is_root() {
        return Ok(());
    }
    let user = User::from_name(name).map_err(failed)?.ok_or_else(|| {
        failed(format!("state.user: there is no user {name:?}; make one with `adduser --system --group {name}`, or name another"))
    })?;
    let refused = |error| failed(format!("state.user: cannot become {name}: {error}"));
    let c_name = std::ffi::CString::new(name).map_err(failed)?;
    initgroups(&c_name, user.gid).map_err(refused)?;
    setgid(user.gid).map_err(refused)?;
    setuid(user.uid).map_err(refused)
}
