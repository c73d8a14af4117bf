use qrcode::bits::Bits;
use qrcode::canvas::{Canvas, MaskPattern};
use qrcode::ec::construct_codewords;
use qrcode::{Color, EcLevel, QrResult, Version};

use super::codewords::room;
use super::*;

const MASKS: [MaskPattern; 8] = [
    MaskPattern::Checkerboard,
    MaskPattern::HorizontalLines,
    MaskPattern::VerticalLines,
    MaskPattern::DiagonalLines,
    MaskPattern::LargeCheckerboard,
    MaskPattern::Fields,
    MaskPattern::Diamonds,
    MaskPattern::Meadow,
];

/// What the crate `qrcode` makes of a text in a version, with a mask.
fn expected(text: &str, version: i16, mask: usize) -> QrResult<Vec<bool>> {
    let version = Version::Normal(version);
    let mut bits = Bits::new(version);
    bits.push_byte_data(text.as_bytes())?;
    bits.push_terminator(EcLevel::M)?;
    let (data, correction) = construct_codewords(&bits.into_bytes(), version, EcLevel::M)?;
    let mut canvas = Canvas::new(version, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &correction);
    canvas.apply_mask(MASKS[mask]);
    let colors = canvas.into_colors().into_iter();
    Ok(colors.map(|color| color == Color::Dark).collect())
}

/// A text of so many bytes, of which some are no ASCII.
fn text(len: usize) -> String {
    let letters = "http://192.168.1.20:9001/?broker=wss://k\u{fc}che#".chars();
    let mut text: String = letters.cycle().take(len).collect();
    while text.len() > len {
        text.pop();
    }
    text.extend(std::iter::repeat_n('/', len - text.len()));
    text
}

#[test]
fn each_version_is_what_a_library_makes() {
    for version in 1..=40 {
        let full = text(room(version));
        let (least, codewords) = codewords(full.as_bytes()).unwrap();
        assert_eq!(least, version);
        let matrix = Matrix::new(version, &codewords);
        let number = i16::try_from(version).unwrap();
        let mask = version % 8;
        assert_eq!(
            matrix.masked(mask).dark,
            expected(&full, number, mask).unwrap(),
            "version {version}"
        );
        let longer = full + "a";
        assert!(
            expected(&longer, number, mask).is_err(),
            "version {version}"
        );
    }
}

#[test]
fn an_address_has_the_mask_that_is_read_best() {
    let address = "http://192.168.1.20:9001/";
    let code = Code::new(address).unwrap();
    assert_eq!(code.width(), 25);
    let (_, codewords) = codewords(address.as_bytes()).unwrap();
    let matrix = Matrix::new(2, &codewords);
    let all: Vec<Code> = (0..8).map(|mask| matrix.masked(mask)).collect();
    for (mask, code) in all.iter().enumerate() {
        assert_eq!(code.dark, expected(address, 2, mask).unwrap(), "{mask}");
    }
    let least = all.iter().map(Code::penalty).min();
    assert_eq!(Some(code.penalty()), least);
    assert!(all.contains(&code));
}

#[test]
fn what_is_hard_to_read_is_counted() {
    let line = |line: &str| {
        let code = Code {
            width: line.len(),
            dark: Vec::new(),
        };
        code.line_penalty(|at| line.as_bytes()[at] == b'#')
    };
    assert_eq!(line("#.#.#.#.#.#"), 0);
    assert_eq!(line("####.####.#"), 0);
    assert_eq!(line("#####.#.#.#"), 3);
    assert_eq!(line(".......#.#."), 5);
    assert_eq!(line("....#.###.#"), 40);
    assert_eq!(line("##.#.###.#....#"), 40);
    // Nothing but dark: runs in each direction, squares, and no balance.
    let dark = Code {
        width: 5,
        dark: vec![true; 25],
    };
    assert_eq!(dark.penalty(), 2 * 5 * 3 + 16 * 3 + 100);
}

#[test]
fn what_no_code_has_room_for_is_none() {
    assert_eq!(Code::new(&text(2331)).unwrap().width(), 177);
    assert_eq!(Code::new(&text(2332)), None);
    assert_eq!(Code::new(&text(70_000)), None);
}
