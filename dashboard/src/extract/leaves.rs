//! The numeric leaves of a JSON object or array.

use super::measure::is_unit;
use super::{Leaf, MAX_LEAVES};
use crate::host;
use crate::json::Json;

/// The numeric leaves of `text`; `None` if it is no JSON object or array, or
/// has none.
pub(super) fn of_json(text: &str) -> Option<Vec<Leaf>> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut leaves = Vec::new();
    add(&Json::parse(text)?, &mut Vec::new(), &mut leaves);
    (!leaves.is_empty()).then_some(leaves)
}

/// Adds the leaves of a value at this path.
fn add(json: &Json, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let first = leaves.len();
    if first == MAX_LEAVES {
        return;
    }
    match json {
        Json::Number(number) => leaves.push(Leaf {
            path: path.join("."),
            label: label(path),
            value: number.value,
            decimals: number.decimals,
            unit: String::new(),
        }),
        Json::List(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push((at + 1).to_string());
                add(item, path, leaves);
                path.pop();
            }
        }
        Json::Map(members) => {
            let mut unit = None;
            for (key, value) in members {
                if matches!(&**key, "unit" | "units" | "unit_of_measurement") {
                    unit = value.text();
                }
                path.push(key.clone());
                add(value, path, leaves);
                path.pop();
            }
            // With two numbers beside it nobody could say whose unit it is.
            if let (Some(unit), [leaf]) = (unit, &mut leaves[first..])
                && is_unit(unit, false)
            {
                leaf.unit = unit.to_owned();
            }
        }
        _ => {}
    }
}

/// `["AM2301", "temp_out"]` reads "AM2301 temp out". A lone `value` says
/// nothing that the topic does not.
fn label(path: &[String]) -> Option<String> {
    if let [key] = path
        && matches!(
            key.to_ascii_lowercase().as_str(),
            "value" | "val" | "v" | "state"
        )
    {
        return None;
    }
    let words = path
        .iter()
        .map(|key| key.replace('_', " "))
        .collect::<Vec<_>>()
        .join(" ");
    Some(host::capital(&words))
}
