//! The limit of open files, which bounds the number of connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's limit of open files to what the system allows it (many shells begin with
/// 1024), and returns the limit that holds then; `None` means no limit.
pub fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_highest_allowed() {
        let limit = raise_open_files();
        assert_eq!(limit, getrlimit(Resource::Nofile).current);
        assert_eq!(limit, getrlimit(Resource::Nofile).maximum);
    }
}
