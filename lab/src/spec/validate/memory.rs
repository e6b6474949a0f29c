//! The memory without which a kind cannot work.

use super::Check;
use crate::spec::model::{Aws, BoxKind, Emulator, Kind, Postgres, Tier};
use crate::spec::path::Path;

/// PostgreSQL alone, in MiB: shared buffers of 64 MiB, and half of that for its processes.
const SERVER: u64 = 96;
/// PostgreSQL with Patroni, which is in Python, and connections for standbys.
pub(super) const CLUSTERED: u64 = 160;
/// nginx, the application and PostgreSQL.
const WHOLE_BOX: u64 = 128;
/// etcd holds 28 MiB at rest, and twice that while it collects garbage.
const ETCD: u64 = 64;
/// PowerDNS and the program that answers it.
const DNS: u64 = 48;
/// LocalStack holds 134 MiB at rest, with eight threads that have worked 208.
const LOCALSTACK: u64 = 256;
/// MiniStack holds 37 MiB at rest, and 71 with the tables of a shop.
const MINISTACK: u64 = 96;

impl Check<'_> {
    /// A node that could never start is refused here: there it would die again and again.
    pub(super) fn memory(&mut self, name: &str, tier: &Tier) {
        let Some(size) = &tier.size else { return };
        let Some((least, why)) = least(&tier.kind).filter(|(least, _)| size.memory_mib < *least)
        else {
            return;
        };
        let message = format!(
            "each node of tier `{name}` is to have {} MiB of memory, in which {why} cannot work",
            size.memory_mib
        );
        let path = Path::of(["tiers", name, "size", "memory_mib"]);
        let problem = self.at_value(&path, message).found(&size.memory_mib.to_string());
        self.report(problem.allowed(format!("at least {least}")));
    }
}

/// What a node of a kind needs, in MiB, and what needs it; `None` where every size that may be written
/// is enough, or where nobody knows because the image is somebody else's. Measured in running labs.
fn least(kind: &Kind) -> Option<(u64, &'static str)> {
    match kind {
        Kind::Box(BoxKind { database: None, .. }) => Some((WHOLE_BOX, "a box with PostgreSQL")),
        Kind::Postgres(Postgres { coordination: None, .. }) => Some((SERVER, "PostgreSQL")),
        Kind::Postgres(_) => Some((CLUSTERED, "PostgreSQL under Patroni")),
        Kind::Etcd(_) => Some((ETCD, "etcd")),
        Kind::Dns(_) => Some((DNS, "PowerDNS")),
        Kind::Aws(kind) => emulators(kind),
        Kind::Box(_)
        | Kind::Service(_)
        | Kind::LoadBalancer(_)
        | Kind::ApiGateway(_)
        | Kind::Redis(_)
        | Kind::DatabaseProxy(_)
        | Kind::Cdn(_)
        | Kind::Container(_) => None,
    }
}

/// Each emulator of a tier is a node of the tier's size.
fn emulators(kind: &Aws) -> Option<(u64, &'static str)> {
    let of = |emulator| match emulator {
        Emulator::Localstack => (LOCALSTACK, "LocalStack"),
        Emulator::Ministack => (MINISTACK, "MiniStack"),
    };
    kind.services.emulators().into_iter().map(of).max()
}
