//! How many files and connections the program may have open at once.

/// What a program has open beside the connections that it counts.
const OTHERS: u64 = 256;

/// Has the operating system allow so many connections beside what else is open, as far as it does.
#[cfg(unix)]
pub(crate) fn allow(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|now| *now < wanted) else { return };
    // No maximum is no limit.
    let allowed = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum });
    if raised.is_err() || allowed < wanted {
        let allowed = if raised.is_ok() { allowed } else { now };
        tracing::warn!(allowed, wanted, "the limit of open files is low: raise it (ulimit -n)");
    }
}

/// Has the operating system allow so many connections: others do.
#[cfg(not(unix))]
pub(crate) fn allow(_connections: usize) {}
