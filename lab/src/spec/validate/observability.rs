//! Rules of traces.

use super::{Check, Path};

impl Check<'_> {
    /// The other collector must be understood: it would otherwise never get anything.
    pub(super) fn observability(&mut self) {
        let Some(wanted) = &self.draft.observability else { return };
        let Some(text) = &wanted.otlp_endpoint else { return };
        if wanted.collector().is_some() {
            return;
        }
        let path = Path::of(["observability", "otlp_endpoint"]);
        let message = format!("`observability.otlp_endpoint` is `{text}`, which is no address");
        let problem = self.at_value(&path, message);
        self.report(problem.allowed("http://ADDRESS:PORT, such as http://127.0.0.1:4318"));
    }
}
