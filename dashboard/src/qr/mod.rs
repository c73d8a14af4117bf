//! QR codes (ISO/IEC 18004), as far as an address needs them: bytes in the
//! smallest version that has room, with error correction of level M.
//!
//! A library's tables and the ways to pack what is no address would be 8 KB of
//! the page. What can be computed is computed here.

mod codewords;
mod matrix;
#[cfg(test)]
mod tests;

use self::codewords::codewords;
use self::matrix::Matrix;

/// A square of modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    width: usize,
    dark: Vec<bool>,
}

impl Code {
    /// `text` as a code; nothing if it is too long for one: 2,331 bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let (version, codewords) = codewords(text.as_bytes())?;
        let matrix = Matrix::new(version, &codewords);
        // The mask after which least looks like what it is not [7.8.3].
        let masked = (0..8).map(|mask| matrix.masked(mask));
        masked.min_by_key(Self::penalty)
    }

    /// How many modules are in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The dark modules, by column and row.
    pub fn dark(&self) -> impl Iterator<Item = (usize, usize)> {
        let dark = self.dark.iter().enumerate().filter(|(_, dark)| **dark);
        dark.map(|(at, _)| (at % self.width, at / self.width))
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.width + x]
    }

    /// What makes the code hard to read (table 11).
    fn penalty(&self) -> usize {
        let mut penalty = 0;
        for y in 0..self.width {
            penalty += self.line_penalty(|x| self.is_dark(x, y));
            penalty += self.line_penalty(|x| self.is_dark(y, x));
        }
        for y in 1..self.width {
            for x in 1..self.width {
                let corner = self.is_dark(x, y);
                let others = [(x - 1, y), (x, y - 1), (x - 1, y - 1)];
                if others.iter().all(|&(x, y)| self.is_dark(x, y) == corner) {
                    penalty += 3;
                }
            }
        }
        let percent = self.dark().count() * 100 / self.dark.len();
        penalty + percent.abs_diff(50) / 5 * 10
    }

    /// That of a row or a column: of runs, and of what looks like a finder.
    fn line_penalty(&self, is_dark: impl Fn(usize) -> bool) -> usize {
        const FINDER: u32 = 0b1011101;
        let (mut penalty, mut run, mut last) = (0, 0, 0);
        for at in 0..self.width {
            let dark = u32::from(is_dark(at));
            run = if at > 0 && dark == last & 1 {
                run + 1
            } else {
                1
            };
            penalty += match run {
                0..5 => 0,
                5 => 3,
                _ => 1,
            };
            last = ((last << 1) | dark) & 0x7ff;
            if at >= 10 && (last == FINDER || last == FINDER << 4) {
                penalty += 40;
            }
        }
        penalty
    }
}
