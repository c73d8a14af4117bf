//! Numbers as people read them: digits in threes, a real minus sign, and no
//! more decimals than the sender gave or a card can hold.

/// Digits that a value keeps when it has decimals to lose.
const SIGNIFICANT: u32 = 6;

/// `value` in digits, with at most `decimals` decimals (what the sender gave).
#[must_use]
pub fn display(value: f64, decimals: u8) -> String {
    let size = value.abs();
    if size >= 1e12 || (size < 1e-3 && size > 0.0) {
        return scientific(value);
    }
    let whole = if size < 1.0 {
        1
    } else {
        size.log10().floor() as u32 + 1
    };
    // A value below 1 needs its decimals to say anything at all.
    let room = if size < 1.0 {
        5
    } else {
        SIGNIFICANT.saturating_sub(whole).min(3)
    };
    let decimals = u32::from(decimals).min(room);
    let scale = 10_u64.pow(decimals);
    let scaled = (size * scale as f64).round() as u64;
    let mut text = String::new();
    if value < 0.0 && scaled > 0 {
        text.push('−');
    }
    text.push_str(&grouped(scaled / scale));
    if decimals > 0 {
        let fraction = (scaled % scale).to_string();
        text.push('.');
        for _ in fraction.len()..decimals as usize {
            text.push('0');
        }
        text.push_str(&fraction);
    }
    text
}

/// `n` with a comma between each three digits.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.24 × 10¹²`.
fn scientific(value: f64) -> String {
    let mut exponent = value.abs().log10().floor() as i32;
    let mut mantissa = (value.abs() / 10_f64.powi(exponent) * 100.0).round() as u64;
    if mantissa >= 1000 {
        mantissa /= 10;
        exponent += 1;
    }
    let mut text = String::new();
    if value < 0.0 {
        text.push('−');
    }
    text.push_str(&(mantissa / 100).to_string());
    let fraction = mantissa % 100;
    if fraction > 0 {
        text.push('.');
        text.push(char::from(b'0' + (fraction / 10) as u8));
        if !fraction.is_multiple_of(10) {
            text.push(char::from(b'0' + (fraction % 10) as u8));
        }
    }
    text.push_str(" × 10");
    for c in exponent.to_string().chars() {
        text.push(match c.to_digit(10) {
            Some(digit) => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize],
            None => '⁻',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_and_signed() {
        assert_eq!(display(14.0, 0), "14");
        assert_eq!(display(1240.0, 0), "1,240");
        assert_eq!(display(-18.4, 1), "−18.4");
        assert_eq!(display(1_234_567.0, 0), "1,234,567");
        assert_eq!(display(999_999_999_999.0, 0), "999,999,999,999");
    }

    #[test]
    fn decimals_are_those_sent_as_far_as_they_fit() {
        assert_eq!(display(4.0, 1), "4.0");
        assert_eq!(display(4.056, 3), "4.056");
        assert_eq!(display(21.538_473, 6), "21.538");
        assert_eq!(display(1_013.253_7, 4), "1,013.25");
        assert_eq!(display(123_456.7, 1), "123,457");
        assert_eq!(display(0.004_5, 4), "0.0045");
    }

    #[test]
    fn nothing_reads_minus_zero() {
        assert_eq!(display(-0.0, 0), "0");
        assert_eq!(display(-0.04, 1), "0.0");
    }

    #[test]
    fn rounding_carries_over() {
        assert_eq!(display(9.999_96, 4), "10.000");
        assert_eq!(display(999.999_9, 4), "1,000.000");
    }

    #[test]
    fn what_no_card_can_hold_is_scientific() {
        assert_eq!(display(1.236e15, 0), "1.24 × 10¹⁵");
        assert_eq!(display(-2e12, 0), "−2 × 10¹²");
        assert_eq!(display(0.000_12, 5), "1.2 × 10⁻⁴");
        assert_eq!(display(9.999e12, 0), "1 × 10¹³");
    }
}
