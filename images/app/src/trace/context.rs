//! Which trace a piece of work belongs to, as the header `traceparent` writes it (W3C Trace Context,
//! version 00).

use std::fmt;
use std::str::FromStr;

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: u128,
    /// The span that others become children of.
    pub span: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl Context {
    /// The same trace, at a new span.
    pub fn child(self) -> Self {
        Self { span: new_span(), ..self }
    }

    /// A new trace, of which `share` (0 to 1) are recorded.
    pub fn root(share: f64) -> Self {
        let trace = rand::random::<u128>().max(1);
        // The part of the number that W3C wants to be random decides, as other tools have it.
        let lot = (trace as u64 >> 11) as f64 / (1_u64 << 53) as f64;
        Self { trace, span: new_span(), sampled: lot < share }
    }
}

fn new_span() -> u64 {
    rand::random::<u64>().max(1)
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// A `traceparent` that says nothing that can be used. Who sent it is then not part of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable;

impl FromStr for Context {
    type Err = Unusable;

    /// Later versions may add fields at the end; version `ff` is no version.
    fn from_str(text: &str) -> Result<Self, Unusable> {
        let mut fields = text.trim().split('-');
        let mut next = |digits: usize| {
            let field = fields.next().filter(|field| field.len() == digits).ok_or(Unusable)?;
            let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            if field.bytes().all(lower) { Ok(field) } else { Err(Unusable) }
        };
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        let more = fields.next().is_some();
        let trace = u128::from_str_radix(trace, 16).map_err(|_| Unusable)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| Unusable)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| Unusable)?;
        if version == "ff" || (version == "00" && more) || trace == 0 || span == 0 {
            return Err(Unusable);
        }
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_written_as_the_standard_has_it() {
        let read: Context = GOOD.parse().unwrap();
        assert_eq!(read.trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((read.span, read.sampled), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(read.to_string(), GOOD);
        let unsampled: Context = GOOD.replace("-01", "-00").parse().unwrap();
        assert!(!unsampled.sampled);
        let later: Context = format!("{}-more", GOOD.replacen("00", "cc", 1)).parse().unwrap();
        assert_eq!(later.trace, read.trace);
    }

    #[test]
    fn what_is_no_header_of_the_standard_is_refused() {
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033310-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333+-01",
        ] {
            assert_eq!(bad.parse::<Context>(), Err(Unusable), "{bad:?}");
        }
    }

    #[test]
    fn a_share_of_new_traces_is_recorded() {
        assert!((0..100).all(|_| !Context::root(0.0).sampled));
        assert!((0..100).all(|_| Context::root(1.0).sampled));
        let sampled = (0..2000).filter(|_| Context::root(0.5).sampled).count();
        assert!((800..1200).contains(&sampled), "{sampled} of 2000");
        let root = Context::root(1.0);
        let child = root.child();
        assert_eq!((child.trace, child.sampled), (root.trace, true));
        assert_ne!(child.span, root.span);
    }
}
