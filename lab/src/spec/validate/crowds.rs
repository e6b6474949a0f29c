//! Flash crowds and floods: what they ask for can be asked for, and the entry understands them. What they say of
//! the workload is looked at in `spec/crowd.rs`.

use super::Check;
use crate::spec::crowd::{REQUEST_PATH, is_request_path};
use crate::spec::model::{FlashCrowd, Flood, Name};
use crate::spec::path::{Path, quote};

impl Check<'_> {
    pub(super) fn flood(&mut self, path: &Path, fault: &Flood) {
        self.asked(path, fault.path.as_deref(), fault.operation.as_ref());
    }

    /// What can be asked for, and one thing.
    fn asked(&mut self, path: &Path, asked: Option<&str>, operation: Option<&Name>) {
        if let Some(asked) = asked.filter(|asked| !is_request_path(asked)) {
            let message = format!("`{}` is not what one can ask a web server for", quote(asked));
            let problem = self.at_value(&path.key("path"), message).found(asked);
            self.report(problem.allowed(REQUEST_PATH));
        }
        if let (Some(_), Some(operation)) = (asked, operation) {
            let message = "they ask for one thing: a path, or an operation";
            let problem = self.at_value(&path.key("operation"), message).found(operation);
            self.report(problem.allowed("one of `path` and `operation`"));
        }
    }

    pub(super) fn flash_crowd(&mut self, path: &Path, fault: &FlashCrowd) {
        self.asked(path, fault.path.as_deref(), fault.operation.as_ref());
        if self.draft.traffic.as_ref().is_some_and(|traffic| !traffic.is_plain()) {
            let message = "a flash crowd speaks HTTP/1.1 without TLS, and the entry does not";
            let problem = self.at_value(path, message).found("flash-crowd");
            self.report(problem.allowed("`spike` or `flood`"));
        }
    }
}
