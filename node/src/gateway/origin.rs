//! Which sites a browser may speak for, and under which names the gateway is asked.
//!
//! A page of any site can have a browser send requests here, and can point a name of its own at
//! this machine. So a request counts only if it names a host that the gateway is, and if the
//! page that it comes from, where a browser names one, is the gateway's own or was allowed.

use std::{fmt, net::IpAddr, str::FromStr};

/// The most bytes of an origin.
const ORIGIN_MAX: usize = 300;

/// The origin of a site, as browsers write it: scheme, host and, unless it is the usual one, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "an origin is http:// or https://, a host in lower case and maybe a port, \
                             as https://app.example or http://localhost:5173, with nothing behind it";
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte)
        };
        let holds = |host: &str| !host.is_empty() && host.bytes().all(allowed);
        match host {
            Some(host) if holds(host) && text.len() <= ORIGIN_MAX => Ok(Self(text.to_owned())),
            _ => Err(WRONG),
        }
    }
}

impl Origin {
    /// The allowed origin that a request names, if it is one.
    pub(super) fn find<'a>(allowed: &'a [Self], named: &str) -> Option<&'a Self> {
        allowed.iter().find(|origin| origin.0 == named)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a page of this origin is the gateway's own, as it is asked under this host.
pub(super) fn is_own(origin: &str, host: &str) -> bool {
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// Whether a form may have come from a page of the gateway: a browser sends forms of any page to
/// anybody, and unlike other bodies without asking before.
///
/// Browsers name the page that a form comes from, so one that nothing is said of is not taken either.
/// `own` is whether the origin named is the gateway's, and `site` how the page is related to the
/// gateway (`Sec-Fetch-Site`), where a browser tells.
pub(super) fn is_own_form(own: Option<bool>, site: Option<&str>) -> bool {
    match (own, site) {
        (Some(false), _) => false,
        (_, Some("same-origin")) => true,
        // Of `none`, it was sent again by a person.
        (own, Some("none") | None) => own == Some(true),
        (_, Some(_)) => false,
    }
}

/// Whether a request under this host, with or without port, is meant for a gateway at this address.
///
/// No page can make a browser take a number for a name, so numbers are safe. On loopback only those
/// of this machine are.
pub(super) fn is_meant(host: &str, address: IpAddr, names: &[String]) -> bool {
    let name = name_of(host);
    let number = name.parse::<IpAddr>().ok().map(|number| number.to_canonical());
    name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
        || number.is_some_and(|number| number.is_loopback() || !address.is_loopback())
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests;
