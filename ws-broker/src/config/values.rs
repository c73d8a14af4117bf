//! What stands behind a key.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::format::{Item, StrftimeItems};
use codec::ProtocolVersion;

use super::{Bind, Durability, Family, Metrics};
use crate::log::{self, Destination, LogFile};

/// Mosquitto's words for a key without a value.
pub(super) fn empty(key: &str) -> String {
    // Its tests look for them.
    let key = if key == "listener" {
        "listener port"
    } else {
        key
    };
    format!("Empty '{key}' value in configuration.")
}

/// Mosquitto's words for a value that its key cannot have.
pub(super) fn invalid(key: &str, value: &str) -> String {
    format!("Invalid '{key}' value ({value}).")
}

/// How many topic aliases there may be.
pub(super) fn aliases(key: &str, value: &str) -> Result<u16, String> {
    let range = |_| format!("Invalid '{key}' value in configuration. It is from 0 to 65535.");
    number(key, value, 0..=u16::MAX).map_err(range)
}

pub(super) fn auto_id_prefix(key: &str, value: &str) -> Result<String, String> {
    if value.len() > 50 {
        return Err(format!("'{key}' length must be <= 50."));
    }
    Ok(value.into())
}

/// A number; as in Mosquitto, 0 and what is below it is no limit.
pub(super) fn limit(key: &str, value: &str) -> Result<Option<usize>, String> {
    let limit = number(key, value, i32::MIN..=i32::MAX)?;
    Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0))
}

/// Where a listener is: with port 0 a Unix socket, unless it is plainly an
/// address of the network, with any port.
pub(super) fn place(port: u16, host: &str) -> Bind {
    let is_address = host.parse::<IpAddr>().is_ok() || host == "localhost";
    if port == 0 && !is_address {
        Bind::Unix(host.into())
    } else {
        Bind::Host(host.into())
    }
}

pub(super) fn family(key: &str, value: &str) -> Result<Family, String> {
    match value {
        "ipv4" => Ok(Family::V4),
        "ipv6" => Ok(Family::V6),
        _ => Err(format!("{} It is ipv4 or ipv6.", invalid(key, value))),
    }
}

/// The longest head of a request; 0 for what is usual.
pub(super) fn head_size(key: &str, value: &str) -> Result<Option<usize>, String> {
    let size = number(key, value, 0..=65_535)
        .map_err(|_| "Packet buffer size must be between 0 and 65535 inclusive.".to_owned())?;
    Ok((size > 0).then_some(size))
}

pub(super) fn metrics(key: &str, value: &str) -> Result<Metrics, String> {
    match value {
        "off" => Ok(Metrics::Off),
        "loopback" => Ok(Metrics::Loopback),
        "login" => Ok(Metrics::Login),
        "all" => Ok(Metrics::All),
        _ => Err(format!(
            "{} It is off, loopback, login or all.",
            invalid(key, value)
        )),
    }
}

/// Versions as their levels, separated by commas.
pub(super) fn versions(value: &str) -> Result<Vec<ProtocolVersion>, String> {
    let levels = value
        .split(',')
        .map(str::trim)
        .filter(|level| !level.is_empty());
    let versions = levels.map(|level| match level {
        "3" => Ok(ProtocolVersion::V3_1),
        "4" => Ok(ProtocolVersion::V3_1_1),
        "5" => Ok(ProtocolVersion::V5),
        _ => Err(format!(
            "accept_protocol_versions lists 3, 4 and 5, not \"{level}\""
        )),
    });
    versions.collect()
}

pub(super) fn boolean(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{} It is true or false.", invalid(key, value))),
    }
}

pub(super) fn number<N>(
    key: &str,
    value: &str,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, String>
where
    N: FromStr + PartialOrd + fmt::Display,
{
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        if value.parse::<i128>().is_err() {
            return format!("'{key}' value not a number.");
        }
        let (from, to) = (range.start(), range.end());
        format!("{} It is from {from} to {to}.", invalid(key, value))
    })
}

/// A number and its unit: seconds, hours, days, weeks, months or years.
pub(super) fn duration(key: &str, value: &str) -> Result<u32, String> {
    let (count, unit) =
        value.split_at(value.len() - value.chars().next_back().map_or(0, char::len_utf8));
    let unit: u32 = match unit {
        "s" => 1,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        "m" => 30 * 24 * 3600,
        "y" => 365 * 24 * 3600,
        _ => 0,
    };
    let seconds = count.parse::<u32>().ok().and_then(|n| n.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| {
        format!(
            "Invalid '{key}' duration in configuration. It is a number with s, h, d, w, m or y \
             after it, not {value}."
        )
    })
}

pub(super) fn durability(value: &str) -> Result<Durability, String> {
    let interval = value.strip_prefix("interval").map(str::trim);
    match (value, interval) {
        ("always", _) => Ok(Durability::Always),
        ("off", _) => Ok(Durability::Off),
        (_, Some(seconds)) => {
            let seconds = number("durability interval", seconds, 1..=86_400)?;
            Ok(Durability::Interval(Duration::from_secs(seconds)))
        }
        _ => Err(format!(
            "durability is always, interval SECONDS or off, not \"{value}\""
        )),
    }
}

/// Where `log_dest` sends the log; `None` for nowhere.
pub(super) fn destination(value: &str) -> Result<Option<Destination>, String> {
    if value == "file" {
        return Err("Empty \"log_dest file\" value in configuration.".into());
    }
    if let Some(path) = value.strip_prefix("file ") {
        let path = path.trim();
        let file = LogFile::open(Path::new(path));
        return match file {
            Ok(file) => Ok(Some(Destination::File(file))),
            Err(error) => Err(format!("cannot write the log to {path}: {error}")),
        };
    }
    match value {
        "stdout" => Ok(Some(Destination::Stdout)),
        "stderr" => Ok(Some(Destination::Stderr)),
        "topic" => Ok(Some(Destination::Topic)),
        "syslog" if cfg!(unix) => Ok(Some(Destination::Syslog)),
        "none" => Ok(None),
        "syslog" | "dlt" | "android" => {
            Err(format!("log_dest {value} is not there on this system."))
        }
        _ => Err(format!(
            "{} It is file PATH, stdout, stderr, syslog, topic or none.",
            invalid("log_dest", value)
        )),
    }
}

/// What a line of the log looks like.
pub(super) fn log_format(value: &str) -> Result<log::Format, String> {
    match value {
        "mosquitto20" => Ok(log::Format::Mosquitto20),
        "mosquitto21" => Ok(log::Format::Mosquitto21),
        "json" => Ok(log::Format::Json),
        _ => Err(format!(
            "{} It is mosquitto20, mosquitto21 or json.",
            invalid("log_format", value)
        )),
    }
}

/// What a line of the log begins with: a format of strftime.
pub(super) fn timestamp_format(value: &str) -> Result<log::Time, String> {
    let mut items = StrftimeItems::new(value);
    if items.any(|item| item == Item::Error) {
        return Err(invalid("log_timestamp_format", value));
    }
    Ok(log::Time::Format(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_0_or_less() {
        for (value, expected) in [("1", Some(1)), ("0", None), ("-1", None), ("-7", None)] {
            assert_eq!(limit("max_connections", value), Ok(expected));
        }
        for bad in ["", "many", "1.5", "9999999999"] {
            assert!(limit("max_connections", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durability_is_a_word_and_for_an_interval_a_number() {
        let seconds = |n| Ok(Durability::Interval(Duration::from_secs(n)));
        assert_eq!(durability("always"), Ok(Durability::Always));
        assert_eq!(durability("off"), Ok(Durability::Off));
        assert_eq!(durability("interval 5"), seconds(5));
        for bad in ["", "interval", "interval 0", "interval 1h", "never", "5"] {
            assert!(durability(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_timestamp_is_what_strftime_takes() {
        for good in ["%Y-%m-%dT%H:%M:%S", "%c", "%s %% %Z", "at"] {
            let format = log::Time::Format(good.into());
            assert_eq!(timestamp_format(good), Ok(format));
        }
        for bad in ["%", "%Y %Q", "%!"] {
            assert!(timestamp_format(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("k", "90s"), Ok(90));
        assert_eq!(duration("k", "2h"), Ok(7200));
        assert_eq!(duration("k", "1y"), Ok(31_536_000));
        for bad in ["", "h", "12", "1x", "-1d", "139y", "1é"] {
            assert!(duration("k", bad).is_err(), "{bad}");
        }
    }
}
