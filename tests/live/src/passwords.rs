//! Passwords at which SASLprep has something to decide, out of a seed.

use crate::consistency::dice::Dice;

/// So many passwords, each with at least one character beyond ASCII.
pub(crate) fn generated(seed: u64, count: u32) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let one = |_| loop {
        let length = dice.within(1..7);
        let password: String = (0..length).map(|_| character(&mut dice)).collect();
        if !password.is_ascii() {
            return password;
        }
    };
    (0..count).map(one).collect()
}

/// One of any kind, or, once in a while, any at all.
fn character(dice: &mut Dice) -> char {
    let kinds = u64::try_from(KINDS.len()).unwrap_or(1);
    let kind = usize::try_from(dice.within(0..kinds)).unwrap_or(0);
    let ranges = KINDS.get(kind).copied().unwrap_or_default();
    let range = usize::try_from(dice.within(0..ranges.len() as u64)).unwrap_or(0);
    let (first, last) = ranges.get(range).copied().unwrap_or(('a', 'z'));
    let number = dice.within(u64::from(u32::from(first))..u64::from(u32::from(last)) + 1);
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{e9}')
}

/// Ranges of characters that SASLprep treats alike.
const KINDS: [&[(char, char)]; 11] = [
    &[('!', '~')],
    &[('\u{a1}', '\u{24f}')],
    // Mapped to nothing, or to a space.
    &[('\u{ad}', '\u{ad}'), ('\u{200b}', '\u{200d}'), ('\u{2060}', '\u{2060}'), ('\u{fe00}', '\u{fe0f}')],
    &[('\u{a0}', '\u{a0}'), ('\u{1680}', '\u{1680}'), ('\u{2000}', '\u{200b}'), ('\u{3000}', '\u{3000}')],
    // Changed by NFKC: marks and what they join, jamo, compatibility forms.
    &[
        ('\u{300}', '\u{345}'),
        ('a', 'z'),
        ('\u{1100}', '\u{1112}'),
        ('\u{1161}', '\u{1175}'),
        ('\u{11a8}', '\u{11c2}'),
    ],
    &[('\u{2100}', '\u{2183}'), ('\u{ff01}', '\u{ffdc}'), ('\u{fb00}', '\u{fb4f}'), ('\u{f900}', '\u{fa2d}')],
    // From right to left; with the next, of either direction according to the version of Unicode.
    &[('\u{5d0}', '\u{5ea}'), ('\u{621}', '\u{64a}'), ('\u{fb50}', '\u{fdfb}')],
    &[
        ('\u{2132}', '\u{2132}'),
        ('\u{2800}', '\u{28ff}'),
        ('\u{302e}', '\u{302f}'),
        ('\u{1d6c1}', '\u{1d6db}'),
        ('\u{17b4}', '\u{17b5}'),
    ],
    // Prohibited, or not in Unicode 3.2 (some of them have an NFKC form that is).
    &[
        ('\u{80}', '\u{9f}'),
        ('\u{200e}', '\u{200f}'),
        ('\u{e000}', '\u{e0ff}'),
        ('\u{fff9}', '\u{fffd}'),
        ('\u{e0001}', '\u{e007f}'),
    ],
    &[
        ('\u{2090}', '\u{209c}'),
        ('\u{1f110}', '\u{1f251}'),
        ('\u{1f600}', '\u{1f64f}'),
        ('\u{220}', '\u{24f}'),
    ],
    &[('\u{80}', '\u{ffff}'), ('\u{10000}', '\u{1ffff}')],
];
