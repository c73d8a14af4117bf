//! The corpora of the fuzz targets: one input a line, in hexadecimal digits,
//! and a name after it if it has one. And inputs that are nearly like them.

/// What is in a corpus: names, empty for most, and inputs.
pub(crate) fn inputs(corpus: &str) -> impl Iterator<Item = (&str, Vec<u8>)> {
    corpus.lines().map(|line| {
        let (digits, name) = line.split_once(' ').unwrap_or((line, ""));
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits a byte");
        (name, (0..digits.len()).step_by(2).map(byte).collect())
    })
}

/// Gives `target` the whole corpus, and then so many inputs that are made of
/// it, each time the same ones.
pub(crate) fn replay(corpus: &str, made: usize, target: impl Fn(&[u8])) {
    let inputs: Vec<_> = inputs(corpus).map(|(_, input)| input).collect();
    assert!(!inputs.is_empty());
    for input in &inputs {
        target(input);
    }
    let mut random = Random(inputs.len() as u64);
    for _ in 0..made {
        let mut input = inputs[random.below(inputs.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &inputs[random.below(inputs.len())], &mut random);
        }
        target(&input);
    }
}

fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let byte = random.next() as u8;
    match (random.below(6), input.get_mut(at)) {
        (0, Some(found)) => *found = byte,
        (1, Some(found)) => *found ^= 1 << (byte % 8),
        (2, Some(_)) => drop(input.remove(at)),
        (3, Some(_)) => input.truncate(at),
        (4, _) => {
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.insert(at, byte),
    }
}

/// SplitMix64: each number is a mix of the bits of a counter.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
