//! TLS at the entry.

use rustls::pki_types::ServerName;

use super::Check;
use crate::spec::certificates;
use crate::spec::path::Path;

impl Check<'_> {
    /// A name that can be asked for, and certificates that can be read.
    pub(super) fn tls(&mut self) {
        let Some(traffic) = &self.draft.traffic else { return };
        let path = Path::of(["traffic", "tls"]);
        if let Some(tls) = &traffic.tls {
            if tls.ca.is_none() && !tls.unchecked {
                let problem = self.at_value(&path.key("unchecked"), "nothing says who is believed");
                self.report(problem.found("false").allowed("`unchecked: true`, or `ca`"));
            }
            if let Some(name) =
                tls.name.as_ref().filter(|n| ServerName::try_from(n.as_str()).is_err())
            {
                let problem = self.at_value(&path.key("name"), "this is no name of a host");
                self.report(
                    problem.found(name).allowed("a name such as shop.example, or an address"),
                );
            }
            let pem = tls.ca.as_deref().filter(|ca| certificates::is_pem(ca)).unwrap_or_default();
            if let Err(why) = certificates::roots(pem)
                && !pem.is_empty()
            {
                let problem = self.at_value(&path.key("ca"), format!("no certificates: {why}"));
                let found = pem.lines().next().unwrap_or_default();
                self.report(problem.found(found).allowed("certificates in PEM"));
            }
        }
    }
}
