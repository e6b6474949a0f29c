//! What the engine has to give.

use super::{Engine, EngineError};
use crate::spec::machine::Machine;

impl Engine {
    /// The processors and the memory that containers can be given: the engine's, which need not be all
    /// that there is, and may be another machine's. What it does not say is no limit.
    ///
    /// # Errors
    /// Docker cannot be asked.
    pub async fn machine(&self) -> Result<Machine, EngineError> {
        let info = self.docker.info().await;
        let info = info.map_err(|e| EngineError::docker("ask", "Docker about its machine", e))?;
        let known = |number: Option<i64>| number.filter(|n| *n > 0);
        Ok(Machine {
            cpus: known(info.ncpu).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX),
            memory_bytes: known(info.mem_total)
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(u64::MAX),
        })
    }
}
