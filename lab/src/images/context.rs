//! Build contexts: what goes into an image, as bytes, and the hash that names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest, Sha256};

use super::{ImageError, ImageName};

static FOLDERS: [(ImageName, Dir<'static>); 12] = [
    (ImageName::Base, include_dir!("$CARGO_MANIFEST_DIR/../images/base")),
    (ImageName::Net, include_dir!("$CARGO_MANIFEST_DIR/../images/net")),
    (ImageName::Postgres, include_dir!("$CARGO_MANIFEST_DIR/../images/postgres")),
    (ImageName::Etcd, include_dir!("$CARGO_MANIFEST_DIR/../images/etcd")),
    (ImageName::Nginx, include_dir!("$CARGO_MANIFEST_DIR/../images/nginx")),
    (ImageName::Box, include_dir!("$CARGO_MANIFEST_DIR/../images/box")),
    (ImageName::Control, include_dir!("$CARGO_MANIFEST_DIR/../images/control")),
    (ImageName::Redis, include_dir!("$CARGO_MANIFEST_DIR/../images/redis")),
    (ImageName::AwsLocalstack, include_dir!("$CARGO_MANIFEST_DIR/../images/aws-localstack")),
    (ImageName::AwsMinistack, include_dir!("$CARGO_MANIFEST_DIR/../images/aws-ministack")),
    (ImageName::Dbproxy, include_dir!("$CARGO_MANIFEST_DIR/../images/dbproxy")),
    (ImageName::Dns, include_dir!("$CARGO_MANIFEST_DIR/../images/dns")),
];
/// The folder of the application is its crate; only the Dockerfile belongs to the image.
static APP_DOCKERFILE: &str = include_str!("../../../images/app/Dockerfile");
/// Likewise.
static NETPROXY_DOCKERFILE: &str = include_str!("../../../images/netproxy/Dockerfile");

/// Where Debian and its relatives keep the certificates that the machine trusts.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The programs of ours that go into images.
#[derive(Clone, Debug)]
pub struct Programs {
    lab: Vec<u8>,
    shop: Vec<u8>,
    netproxy: Vec<u8>,
}

impl Programs {
    /// Reads `lab` (this very program) and the others from beside it.
    pub fn beside_us() -> Result<Self, ImageError> {
        let io = |path: &Path, source| ImageError::Io { path: path.display().to_string(), source };
        let own = std::env::current_exe().map_err(|e| io(Path::new("this program"), e))?;
        let beside = |name: &'static str| {
            let path = own.with_file_name(name);
            if path.is_file() {
                return Ok(path);
            }
            Err(ImageError::NoProgram { name, path: path.display().to_string() })
        };
        let (shop, netproxy) = (beside("shop")?, beside("netproxy")?);
        let read = |path: PathBuf| {
            let bytes = std::fs::read(&path).map_err(|e| io(&path, e))?;
            if needs_interpreter(&bytes) {
                return Err(ImageError::NotStatic { path: path.display().to_string() });
            }
            Ok(bytes)
        };
        Ok(Self { lab: read(own)?, shop: read(shop)?, netproxy: read(netproxy)? })
    }

    /// Programs made of the given bytes.
    #[cfg(test)]
    pub fn of(lab: &[u8], shop: &[u8], netproxy: &[u8]) -> Self {
        Self { lab: lab.into(), shop: shop.into(), netproxy: netproxy.into() }
    }
}

/// Whether an ELF program (64 bits, little-endian) has a program header of type PT_INTERP: it then
/// needs a dynamic loader and libraries.
fn needs_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, len: usize| -> Option<u64> {
        let bytes = elf.get(at..at + len)?;
        Some(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    };
    let (Some(offset), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2))
    else {
        return false;
    };
    elf.starts_with(b"\x7fELF")
        && (0..count).any(|i| {
            usize::try_from(offset + i * size).ok().and_then(|at| number(at, 4))
                == Some(u64::from(PT_INTERP))
        })
}

/// One file of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permissions.
    pub mode: u32,
}

/// Everything that an image is made of. Does not change once it is made, so it is hashed once.
#[derive(Clone, Debug)]
pub struct Context {
    /// Which image.
    pub name: ImageName,
    /// Path in the context to file.
    files: BTreeMap<String, ContextFile>,
    /// Reference of the image it is built from.
    parent: Option<String>,
    hash: String,
}

impl Context {
    /// A context of these files on this parent.
    pub fn new(
        name: ImageName,
        files: BTreeMap<String, ContextFile>,
        parent: Option<String>,
    ) -> Self {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(name.as_str().as_bytes());
        field(parent.as_deref().unwrap_or_default().as_bytes());
        for (path, file) in &files {
            field(path.as_bytes());
            field(&file.mode.to_le_bytes());
            field(&file.bytes);
        }
        let hash = hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
        Self { name, files, parent, hash }
    }

    /// Path in the context to file.
    #[cfg(test)]
    pub fn files(&self) -> &BTreeMap<String, ContextFile> {
        &self.files
    }

    /// Reference of the image it is built from.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// First 12 hexadecimal digits of the SHA-256 over everything that goes in.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// `lab/<name>:<hash>`
    pub fn reference(&self) -> String {
        format!("lab/{}:{}", self.name.as_str(), self.hash)
    }

    /// The context as a tar archive; equal contexts give equal bytes.
    pub fn archive(&self) -> Result<Vec<u8>, ImageError> {
        let io = |source| ImageError::Io { path: "build context".into(), source };
        let mut tar = tar::Builder::new(Vec::new());
        for (path, file) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(file.bytes.len() as u64);
            header.set_mode(file.mode);
            tar.append_data(&mut header, path, file.bytes.as_slice()).map_err(io)?;
        }
        tar.into_inner().map_err(io)
    }
}

/// The contexts of all images, each with its parent's reference.
pub fn contexts(programs: &Programs) -> Result<BTreeMap<ImageName, Context>, ImageError> {
    let bundle = std::env::var("SSL_CERT_FILE").unwrap_or_else(|_| CA_BUNDLE.into());
    // A machine without a bundle trusts nobody in particular; then there is nothing to hand on.
    Ok(contexts_of(programs, std::fs::read(bundle).ok()))
}

/// As [`contexts`], from the bytes of the certificate bundle.
pub fn contexts_of(
    programs: &Programs,
    ca_bundle: Option<Vec<u8>>,
) -> BTreeMap<ImageName, Context> {
    let mut all: BTreeMap<ImageName, Context> = BTreeMap::new();
    for name in ImageName::ALL {
        let mut files = folder_files(name);
        let mut add = |path: &str, bytes: &[u8], mode| {
            files.insert(path.into(), ContextFile { bytes: bytes.into(), mode });
        };
        match name {
            ImageName::Base => {
                if let Some(bundle) = &ca_bundle {
                    for path in CA_PLACES {
                        add(path, bundle, 0o644);
                    }
                }
            }
            ImageName::Nginx | ImageName::Control | ImageName::Dns => {
                add("lab", &programs.lab, 0o755)
            }
            ImageName::App | ImageName::Box => add("shop", &programs.shop, 0o755),
            ImageName::NetProxy => add("netproxy", &programs.netproxy, 0o755),
            _ => {}
        }
        let parent = name.parent().and_then(|p| all.get(&p)).map(Context::reference);
        all.insert(name, Context::new(name, files, parent));
    }
    all
}

/// The bundle itself, and the place from which the package `ca-certificates` makes it again.
const CA_PLACES: [&str; 2] = [
    "files/etc/ssl/certs/ca-certificates.crt",
    "files/usr/local/share/ca-certificates/lab-host.crt",
];

fn folder_files(name: ImageName) -> BTreeMap<String, ContextFile> {
    let mut files = BTreeMap::new();
    let of_a_crate = match name {
        ImageName::App => Some(APP_DOCKERFILE),
        ImageName::NetProxy => Some(NETPROXY_DOCKERFILE),
        _ => None,
    };
    if let Some(text) = of_a_crate {
        let bytes = text.as_bytes().into();
        files.insert("Dockerfile".into(), ContextFile { bytes, mode: 0o644 });
    }
    for (_, dir) in FOLDERS.iter().filter(|(folder, _)| *folder == name) {
        collect(dir, &mut files);
    }
    files
}

/// Embedding keeps no permissions: a file that begins with `#!` is a program.
fn collect(dir: &Dir<'_>, files: &mut BTreeMap<String, ContextFile>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, files),
            DirEntry::File(file) => {
                let bytes = file.contents().to_vec();
                let mode = if bytes.starts_with(b"#!") { 0o755 } else { 0o644 };
                let path = file.path().to_string_lossy().into_owned();
                files.insert(path, ContextFile { bytes, mode });
            }
        }
    }
}
