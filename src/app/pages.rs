//! The pages of the web host, rendered when the appliance starts.

use crate::base::ports::{Page, Pages};
use crate::base::{Domain, NameError, Zone};
use crate::config::Config;
use crate::zone::policy;
use std::collections::HashMap;
use std::sync::Arc;

/// Host and path, and what stands there.
pub struct Site {
    pages: HashMap<(String, &'static str), Page>,
}

impl Site {
    /// The policy at `mta-sts.et`, and at both domains who we are and how to be left alone.
    ///
    /// # Errors
    /// When the base domain is too long for a name of ours, which its validation has excluded.
    pub fn new(config: &Config) -> Result<Self, NameError> {
        let mut pages = HashMap::new();
        let et = config.zone_name(Zone::Et);
        let text = policy::text(&config.base_domain)?;
        pages.insert(
            (format!("mta-sts.{et}"), "/.well-known/mta-sts.txt"),
            page("text/plain; charset=us-ascii", &text),
        );
        for zone in Zone::ALL {
            let name = config.zone_name(zone);
            let about = about(&et, &config.reply.from.to_string(), &config.reply.operator.to_string());
            pages.insert((name.to_string(), "/"), page("text/html; charset=utf-8", &about));
        }
        Ok(Self { pages })
    }
}

fn page(media_type: &'static str, text: &str) -> Page {
    Page {
        status: 200,
        media_type,
        body: Arc::from(text.as_bytes()),
    }
}

fn about(et: &Domain, from: &str, operator: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>mailproof at {et}</title></head>\n<body>\n\
         <h1>How well does your mail service protect your mail?</h1>\n\
         <p>Send one mail to <code>en@{et}</code> and <code>en@{}</code>, and read the answer. It comes from {from} within minutes or hours.</p>\n\
         <h2>If this host connected to yours</h2>\n\
         <p>Somebody at your domain sent us a test mail, and we looked at how your mail servers receive mail: a few connections, no message but the answer.\n\
         To be left alone, write to {operator}.</p>\n</body>\n</html>\n",
        et.as_str().replacen(Zone::Et.label(), Zone::Ut.label(), 1),
    )
}

impl Pages for Site {
    fn page(&self, host: &str, path: &str) -> Option<Page> {
        self.pages
            .iter()
            .find(|((name, place), _)| name == host && *place == path)
            .map(|(_, page)| page.clone())
    }
}
