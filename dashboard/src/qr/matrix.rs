//! Where codewords and everything else stand in the square.

use super::Code;

/// A code before its mask.
pub(super) struct Matrix {
    width: usize,
    dark: Vec<bool>,
    /// Modules that are not for codewords, and are not masked.
    is_fixed: Vec<bool>,
}

impl Matrix {
    pub(super) fn new(version: usize, codewords: &[u8]) -> Self {
        let width = 17 + 4 * version;
        let mut matrix = Self {
            width,
            dark: vec![false; width * width],
            is_fixed: vec![false; width * width],
        };
        for at in 0..width {
            matrix.fix(6, at, at % 2 == 0);
            matrix.fix(at, 6, at % 2 == 0);
        }
        for (x, y) in [(3, 3), (width - 4, 3), (3, width - 4)] {
            matrix.squares(x, y, 4, 0b01011);
        }
        matrix.alignments(version);
        if version >= 7 {
            // Annex D.
            let bits = version << 12 | check(version, 12, 0x1f25);
            for at in 0..18 {
                let (x, y) = (width - 11 + at % 3, at / 3);
                matrix.fix(x, y, bits >> at & 1 == 1);
                matrix.fix(y, x, bits >> at & 1 == 1);
            }
        }
        // Their places, for now.
        matrix.format(0);
        matrix.fill(codewords);
        matrix
    }

    /// The code with a mask (table 10).
    pub(super) fn masked(&self, mask: usize) -> Code {
        let mut masked = Self {
            dark: self.dark.clone(),
            is_fixed: self.is_fixed.clone(),
            ..*self
        };
        for (at, dark) in masked.dark.iter_mut().enumerate() {
            let (x, y) = (at % self.width, at / self.width);
            let rest = match mask {
                0 => (x + y) % 2,
                1 => y % 2,
                2 => x % 3,
                3 => (x + y) % 3,
                4 => (x / 3 + y / 2) % 2,
                5 => x * y % 2 + x * y % 3,
                6 => (x * y % 2 + x * y % 3) % 2,
                _ => ((x + y) % 2 + x * y % 3) % 2,
            };
            *dark ^= rest == 0 && !self.is_fixed[at];
        }
        masked.format(mask);
        Code {
            width: self.width,
            dark: masked.dark,
        }
    }

    fn fix(&mut self, x: usize, y: usize, dark: bool) {
        self.dark[y * self.width + x] = dark;
        self.is_fixed[y * self.width + x] = true;
    }

    /// Squares around a module, up to a distance; bit n of `dark` is for those
    /// at distance n.
    fn squares(&mut self, x: usize, y: usize, distance: usize, dark: u32) {
        for at_y in y.saturating_sub(distance)..=(y + distance).min(self.width - 1) {
            for at_x in x.saturating_sub(distance)..=(x + distance).min(self.width - 1) {
                let distance = at_x.abs_diff(x).max(at_y.abs_diff(y));
                self.fix(at_x, at_y, dark >> distance & 1 == 1);
            }
        }
    }

    /// Alignment patterns, where these lines cross and no finder is (annex E).
    fn alignments(&mut self, version: usize) {
        if version == 1 {
            return;
        }
        let (gaps, last) = (version / 7 + 1, self.width - 7);
        let step = (version * 8 + gaps * 3 + 8) / (gaps * 4) * 2;
        let line = |at: usize| {
            if at == 0 {
                6
            } else {
                last - (gaps - at) * step
            }
        };
        for (a, b) in (0..=gaps).flat_map(|a| (0..=gaps).map(move |b| (a, b))) {
            if ![(0, 0), (0, gaps), (gaps, 0)].contains(&(a, b)) {
                self.squares(line(a), line(b), 2, 0b101);
            }
        }
    }

    /// Level M and the mask, twice, and the module that is always dark (7.9).
    fn format(&mut self, mask: usize) {
        let bits = (mask << 10 | check(mask, 10, 0x537)) ^ 0x5412;
        for at in 0..15 {
            let dark = bits >> at & 1 == 1;
            // Past the timing pattern.
            let near = |at: usize| at + usize::from(at >= 6);
            match at {
                0..8 => {
                    self.fix(8, near(at), dark);
                    self.fix(self.width - 1 - at, 8, dark);
                }
                _ => {
                    self.fix(near(14 - at), 8, dark);
                    self.fix(8, self.width - 15 + at, dark);
                }
            }
        }
        self.fix(8, self.width - 8, true);
    }

    /// Codewords bit by bit, in columns of two modules, from the right, up and
    /// down in turns (7.7.3).
    fn fill(&mut self, codewords: &[u8]) {
        let mut bits = codewords
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let mut is_upward = true;
        for pair in (0..self.width / 2).rev() {
            // None is on the timing pattern.
            let left = 2 * pair + usize::from(pair >= 3);
            for row in 0..self.width {
                let y = if is_upward { self.width - 1 - row } else { row };
                for x in [left + 1, left] {
                    let at = y * self.width + x;
                    if !self.is_fixed[at] {
                        self.dark[at] = bits.next().unwrap_or(false);
                    }
                }
            }
            is_upward = !is_upward;
        }
    }
}

/// What a division of polynomials leaves, in so many bits (annexes C and D).
fn check(value: usize, bits: u32, generator: usize) -> usize {
    (0..bits).fold(value, |rest, _| {
        (rest << 1) ^ ((rest >> (bits - 1)) * generator)
    })
}
