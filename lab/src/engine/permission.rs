//! Why a container of somebody's own image ended: it did what it has no right to.

/// What a log says of a missing right, and the capability that stands for it where that is clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The line.
    pub line: String,
    /// The capability.
    pub capability: Option<&'static str>,
}

/// How programs say that the kernel refused them something that root may do elsewhere.
const SIGNS: [&str; 4] =
    ["operation not permitted", "permission denied", "eperm", "no new privileges"];

/// Words of what was tried, and the capability that it takes.
const TRIED: [(&str, &str); 14] = [
    ("chown", "CHOWN"),
    ("setgroups", "SETGID"),
    ("setgid", "SETGID"),
    ("setresgid", "SETGID"),
    ("setuid", "SETUID"),
    ("setresuid", "SETUID"),
    ("chmod", "FOWNER"),
    ("utime", "FOWNER"),
    ("mlock", "IPC_LOCK"),
    ("setpriority", "SYS_NICE"),
    ("sched_set", "SYS_NICE"),
    ("chroot", "SYS_CHROOT"),
    ("mknod", "MKNOD"),
    ("bind", "NET_BIND_SERVICE"),
];

/// The last line of a log that says so; `None` when none does.
pub fn forbidden(log: &str) -> Option<Forbidden> {
    let says_so = |line: &&str| {
        let line = line.to_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    let line = log.lines().rev().find(says_so)?.trim();
    let lower = line.to_lowercase();
    let tried = TRIED.iter().find(|(word, _)| lower.contains(word));
    let shown = line.chars().take(200).collect();
    Some(Forbidden { line: shown, capability: tried.map(|(_, capability)| *capability) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_named_with_its_capability() {
        let of = |log: &str| forbidden(log).map(|f| (f.line, f.capability));
        let chown =
            "starting\nchown: changing ownership of '/data': Operation not permitted\nbye\n";
        assert_eq!(
            of(chown),
            Some((
                "chown: changing ownership of '/data': Operation not permitted".into(),
                Some("CHOWN")
            ))
        );
        let bind = "bind() to 0.0.0.0:80 failed (13: Permission denied)";
        assert_eq!(of(bind), Some((bind.into(), Some("NET_BIND_SERVICE"))));
        let unclear = "Error: EPERM: operation not permitted, open '/x'";
        assert_eq!(of(unclear), Some((unclear.into(), None)));
        assert_eq!(of("panic: no such table"), None);
    }
}
