//! The checks by name.

/// The guarantees that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The experiment ran to its end.
    Completed,
    /// Nobody was killed for want of memory.
    Memory,
    /// Every planned fault took effect and was undone.
    FaultEffect,
    /// Nobody else touched the lab meanwhile.
    Untouched,
    /// The objectives held before the fault.
    SteadyState,
    /// There is enough of everything to judge by.
    Coverage,
    /// Every acknowledged promise is still there.
    NoLostWrite,
    /// Money and stock add up.
    Conserved,
    /// No promise took effect twice.
    ExactlyOnce,
    /// Every acknowledged order had exactly one effect across the queue.
    EffectExactlyOnce,
    /// Everybody who is told of orders heard of every acknowledged one.
    Events,
    /// Queues came to rest, with no dead letters but those that must be.
    Queue,
    /// Nobody was shown less than they wrote or saw before.
    SessionGuarantees,
    /// What was written was shown in time.
    Staleness,
    /// Caches showed what had been true, and for as long as they may.
    CacheCoherence,
    /// Of many who asked an edge cache for the same missing object, one was passed on.
    RequestCollapsing,
    /// Of many who missed the same cached value, few asked the database.
    CacheStampede,
    /// Who sent more than allowed was refused, and nobody else.
    Throttling,
    /// A slow dependency slowed down only what needs it.
    Isolation,
    /// A good release took over without an error; a bad one was rolled back by itself.
    Release,
    /// A group grew with a spike, and shrank without an error.
    Scaling,
    /// Since `up`, nothing happened that no fault explains.
    Unexplained,
    /// Enough requests succeeded.
    Availability,
    /// Requests were fast enough outside of the outage.
    Latency,
    /// Service was back in time, for good (RTO).
    Recovery,
}

impl Check {
    /// The spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Memory => "memory",
            Self::FaultEffect => "fault-effect",
            Self::Untouched => "untouched",
            Self::SteadyState => "steady-state",
            Self::Coverage => "coverage",
            Self::NoLostWrite => "no-lost-write",
            Self::Conserved => "conserved",
            Self::ExactlyOnce => "exactly-once",
            Self::EffectExactlyOnce => "effect-exactly-once",
            Self::Events => "events",
            Self::Queue => "queue",
            Self::SessionGuarantees => "session-guarantees",
            Self::Staleness => "staleness",
            Self::CacheCoherence => "cache-coherence",
            Self::RequestCollapsing => "request-collapsing",
            Self::CacheStampede => "cache-stampede",
            Self::Throttling => "throttling",
            Self::Isolation => "isolation",
            Self::Release => "release",
            Self::Scaling => "scaling",
            Self::Unexplained => "unexplained",
            Self::Availability => "availability",
            Self::Latency => "latency",
            Self::Recovery => "recovery",
        }
    }
}
