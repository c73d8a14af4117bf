//! A text as codewords: its bytes, padding, and what corrects errors.

/// Codewords of error correction in each block, by version (table 9).
const CORRECTION: [u8; 40] = [
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
];

/// Blocks, by version (table 9).
const BLOCKS: [u8; 40] = [
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25,
    26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
];

/// The smallest version that has room for a text, and all its codewords.
pub(super) fn codewords(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    let version = (1..=40).find(|version| text.len() <= room(*version))?;
    let (blocks, correction) = blocks(version);
    let data = data(text, version);
    Some((version, interleaved(&data, blocks, correction)))
}

/// Bytes of text for which a version has room: half a codeword says that bytes
/// follow, and half ends them.
pub(super) fn room(version: usize) -> usize {
    data_codewords(version) - 1 - length_bytes(version)
}

/// In how many bytes it is written how many follow (table 3).
fn length_bytes(version: usize) -> usize {
    if version < 10 { 1 } else { 2 }
}

/// How many blocks there are, and codewords of error correction in each.
fn blocks(version: usize) -> (usize, usize) {
    (BLOCKS[version - 1].into(), CORRECTION[version - 1].into())
}

fn data_codewords(version: usize) -> usize {
    let (blocks, correction) = blocks(version);
    modules(version) / 8 - blocks * correction
}

/// Modules that are for codewords (table 1).
fn modules(version: usize) -> usize {
    let all = (16 * version + 128) * version + 64;
    match version {
        1 => all,
        2..7 => all - 25,
        _ => {
            let lines = version / 7 + 2;
            all - ((25 * lines - 10) * lines - 55) - 36
        }
    }
}

/// The mode "bytes", how many, the text, the end, and padding (7.4).
fn data(text: &[u8], version: usize) -> Vec<u8> {
    let length = (text.len() as u16).to_be_bytes();
    let length = &length[2 - length_bytes(version)..];
    let mut data = Vec::new();
    let mut half = 0b0100;
    for &byte in length.iter().chain(text).chain(&[0]) {
        data.push(half << 4 | byte >> 4);
        half = byte & 15;
    }
    let padding = [0b1110_1100, 0b0001_0001].into_iter().cycle();
    data.extend(padding.take(data_codewords(version) - data.len()));
    data
}

/// The first codeword of each block, then the second of each, and so on; in the
/// end so with what corrects errors (7.6).
fn interleaved(data: &[u8], blocks: usize, correction: usize) -> Vec<u8> {
    let generator = generator(correction);
    let (short, long) = (data.len() / blocks, data.len() % blocks);
    let (mut rest, mut parts) = (data, Vec::new());
    for block in 0..blocks {
        let (part, others) = rest.split_at(short + usize::from(block >= blocks - long));
        parts.push((part, remainder(part, &generator)));
        rest = others;
    }
    let mut all = Vec::new();
    for at in 0..=short {
        all.extend(parts.iter().filter_map(|(part, _)| part.get(at)));
    }
    for at in 0..correction {
        all.extend(parts.iter().map(|(_, correction)| correction[at]));
    }
    all
}

/// The product of (x - 2^n) for each n below the degree, without its first
/// coefficient, which is 1 (annex A).
fn generator(degree: usize) -> Vec<u8> {
    let mut product = vec![0; degree];
    product[degree - 1] = 1;
    let mut root = 1;
    for _ in 0..degree {
        for at in 0..degree {
            let next = product.get(at + 1).copied().unwrap_or(0);
            product[at] = times(product[at], root) ^ next;
        }
        root = times(root, 2);
    }
    product
}

/// What a division by the generator leaves (7.5.2).
fn remainder(data: &[u8], generator: &[u8]) -> Vec<u8> {
    let mut rest = vec![0; generator.len()];
    for byte in data {
        let factor = byte ^ rest[0];
        rest.rotate_left(1);
        *rest.last_mut().expect("a generator has a degree") = 0;
        for (rest, coefficient) in rest.iter_mut().zip(generator) {
            *rest ^= times(*coefficient, factor);
        }
    }
    rest
}

/// A product in the field of 256 elements of x^8 + x^4 + x^3 + x^2 + 1.
fn times(one: u8, other: u8) -> u8 {
    (0..8).rev().fold(0, |product: u8, bit| {
        (product << 1) ^ ((product >> 7) * 0x1d) ^ ((other >> bit & 1) * one)
    })
}
