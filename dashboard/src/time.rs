//! Time as the page needs it: an instant that is always passed in, how long
//! ago something was, and the clock on the wall.

/// Milliseconds since the Unix epoch, as `Date.now()` gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Millis(pub f64);

impl Millis {
    /// Milliseconds from `earlier` to `self`; 0 when the clock was set back.
    #[must_use]
    pub fn since(self, earlier: Millis) -> f64 {
        (self.0 - earlier.0).max(0.0)
    }

    /// The time of day as `12:04:31`, `offset` minutes ahead of UTC.
    #[must_use]
    pub fn clock(self, offset: i32) -> String {
        let seconds = (self.0 / 1000.0).floor() as i64 + i64::from(offset) * 60;
        let day = seconds.rem_euclid(86_400);
        let two = |n: i64| {
            let mut digits = String::with_capacity(2);
            digits.push(char::from(b'0' + (n / 10) as u8));
            digits.push(char::from(b'0' + (n % 10) as u8));
            digits
        };
        [two(day / 3600), two(day / 60 % 60), two(day % 60)].join(":")
    }

    /// As ISO 8601 has it: `2026-11-22T12:04:31.250Z`.
    #[must_use]
    pub fn iso(self) -> String {
        let (year, month, day) = civil((self.0 / 86_400_000.0).floor() as i64);
        let ms = self.0.rem_euclid(1000.0) as i64;
        let clock = self.clock(0);
        format!("{year:04}-{month:02}-{day:02}T{clock}.{ms:03}Z")
    }

    /// The day as `22 Nov`.
    #[must_use]
    pub fn date(self, offset: i32) -> String {
        let days = (self.0 / 86_400_000.0 + f64::from(offset) / 1440.0).floor() as i64;
        let (_, month, day) = civil(days);
        let name = &MONTHS[((month as usize + 9) % 12 * 3)..][..3];
        [&*day.to_string(), name].join(" ")
    }
}

/// Year, month and day, so many days after 1 January 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    // Days since 1 March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + later, month, day)
}

/// From March on, as the calendar's arithmetic has it.
const MONTHS: &str = "MarAprMayJunJulAugSepOctNovDecJanFeb";

/// How long ago, as coarse as it is shown: two ages that read alike are equal,
/// so that a card is drawn again only when its words change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Less than a second and a half.
    Now,
    /// Seconds.
    Seconds(u32),
    /// Whole minutes.
    Minutes(u32),
    /// Whole hours.
    Hours(u32),
    /// Whole days.
    Days(u32),
    /// It came as a retained message: the broker does not say from when.
    Unknown,
}

impl Age {
    /// The age of something that happened `ms` milliseconds ago.
    #[must_use]
    pub fn of(ms: f64) -> Age {
        let seconds = (ms / 1000.0).round() as u32;
        match seconds {
            _ if ms < 1500.0 => Age::Now,
            0..60 => Age::Seconds(seconds),
            60..3600 => Age::Minutes(seconds / 60),
            3600..86_400 => Age::Hours(seconds / 3600),
            _ => Age::Days(seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_as_coarse_as_its_words() {
        assert_eq!(Age::of(0.0), Age::Now);
        assert_eq!(Age::of(1499.0), Age::Now);
        assert_eq!(Age::of(2000.0), Age::Seconds(2));
        assert_eq!(Age::of(59_400.0), Age::Seconds(59));
        assert_eq!(Age::of(59_600.0), Age::Minutes(1));
        assert_eq!(Age::of(12.9 * 60_000.0), Age::Minutes(12));
        assert_eq!(Age::of(25.0 * 3_600_000.0), Age::Days(1));
    }

    #[test]
    fn a_clock_set_back_makes_nothing_negative() {
        assert_eq!(Millis(5.0).since(Millis(9.0)), 0.0);
    }

    #[test]
    fn the_time_of_day_follows_the_offset() {
        let noon = Millis(12.0 * 3_600_000.0 + 4.0 * 60_000.0 + 31_900.0);
        assert_eq!(noon.clock(0), "12:04:31");
        assert_eq!(noon.clock(120), "14:04:31");
        assert_eq!(noon.clock(-13 * 60), "23:04:31");
    }

    #[test]
    fn days_have_their_dates() {
        let day = |days: f64| Millis(days * 86_400_000.0).date(0);
        assert_eq!(day(0.0), "1 Jan");
        assert_eq!(day(58.0), "28 Feb");
        assert_eq!(day(59.0), "1 Mar");
        assert_eq!(day(11_016.0), "29 Feb", "of 2000");
        assert_eq!(day(20_779.0), "22 Nov");
        assert_eq!(Millis(86_399_000.0).date(1), "2 Jan");
    }

    #[test]
    fn a_time_is_written_as_programs_read_it() {
        assert_eq!(Millis(0.0).iso(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(951_782_400_007.0).iso(), "2000-02-29T00:00:00.007Z");
        assert_eq!(
            Millis(1_795_349_071_250.0).iso(),
            "2026-11-22T12:04:31.250Z"
        );
        assert_eq!(
            Millis(4_102_444_799_999.0).iso(),
            "2099-12-31T23:59:59.999Z"
        );
    }
}
