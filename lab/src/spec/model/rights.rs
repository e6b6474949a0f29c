//! What images of one's own may do inside their containers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user by name or number, with a group or without.
pub const USER_PATTERN: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$";

/// An enumeration with its names as Docker spells them.
macro_rules! capabilities {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// The spelling in stage files, and Docker's.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

capabilities! {
    /// A capability of Linux that an image may be given. Those are left out that reach beyond its
    /// container, and those by which it could undo a fault in its own network.
    Capability {
        /// Changing owners of files.
        Chown = "CHOWN",
        /// Passing by permissions of files.
        DacOverride = "DAC_OVERRIDE",
        /// Acting as the owner of files.
        Fowner = "FOWNER",
        /// Keeping set-user-ID bits.
        Fsetid = "FSETID",
        /// Signalling processes of other users.
        Kill = "KILL",
        /// Changing the group.
        Setgid = "SETGID",
        /// Changing the user.
        Setuid = "SETUID",
        /// Giving capabilities up.
        Setpcap = "SETPCAP",
        /// Ports below 1024.
        NetBindService = "NET_BIND_SERVICE",
        /// Raw sockets.
        NetRaw = "NET_RAW",
        /// chroot.
        SysChroot = "SYS_CHROOT",
        /// Making device files.
        Mknod = "MKNOD",
        /// Writing to the audit log.
        AuditWrite = "AUDIT_WRITE",
        /// Giving files capabilities.
        Setfcap = "SETFCAP",
        /// Locking memory.
        IpcLock = "IPC_LOCK",
        /// Passing by permissions of shared memory.
        IpcOwner = "IPC_OWNER",
        /// Leases on files.
        Lease = "LEASE",
        /// Priorities of processes.
        SysNice = "SYS_NICE",
        /// Tracing processes.
        SysPtrace = "SYS_PTRACE",
        /// Passing by limits of resources.
        SysResource = "SYS_RESOURCE",
    }
}

capabilities! {
    /// A capability that Docker gives without being asked, or all of them.
    GivenCapability {
        /// Every one.
        All = "ALL",
        /// Changing owners of files.
        Chown = "CHOWN",
        /// Passing by permissions of files.
        DacOverride = "DAC_OVERRIDE",
        /// Acting as the owner of files.
        Fowner = "FOWNER",
        /// Keeping set-user-ID bits.
        Fsetid = "FSETID",
        /// Signalling processes of other users.
        Kill = "KILL",
        /// Changing the group.
        Setgid = "SETGID",
        /// Changing the user.
        Setuid = "SETUID",
        /// Giving capabilities up.
        Setpcap = "SETPCAP",
        /// Ports below 1024.
        NetBindService = "NET_BIND_SERVICE",
        /// Raw sockets.
        NetRaw = "NET_RAW",
        /// chroot.
        SysChroot = "SYS_CHROOT",
        /// Making device files.
        Mknod = "MKNOD",
        /// Writing to the audit log.
        AuditWrite = "AUDIT_WRITE",
        /// Giving files capabilities.
        Setfcap = "SETFCAP",
    }
}
