//! The only randomness of the project.

use std::io;

use nudge_proto::{ScramNonce, SlotName};

/// A SCRAM nonce, unpredictable.
pub(crate) fn nonce() -> io::Result<ScramNonce> {
    Ok(ScramNonce::new(bytes()?))
}

/// A slot name that no other feed has: `pgnudge_` and 16 hexadecimal digits.
pub(crate) fn slot_name() -> io::Result<SlotName> {
    let number = u64::from_be_bytes(bytes()?);
    SlotName::new(format!("pgnudge_{number:016x}")).map_err(io::Error::other)
}

/// A number in `0..1`, for jitter. Without randomness the middle does.
pub(crate) fn unit() -> f64 {
    bytes().map_or(0.5, |bytes| f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0))
}

/// A number below `end`, for shuffling.
pub(crate) fn below(end: usize) -> usize {
    let scaled = unit() * f64::from(u32::try_from(end).unwrap_or(u32::MAX));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the integer part, below `end`"
    )]
    let index = scaled as usize;
    index.min(end.saturating_sub(1))
}

fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
