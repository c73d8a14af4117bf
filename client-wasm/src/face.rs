//! Whether the face in JavaScript has what `codec` has.

use codec::{PropertyId, ReasonCode};

#[test]
fn its_words_for_reason_codes_are_ours() {
    let script = include_str!("../js/errors.js");
    let (_, after) = script.split_once("const REASON_TEXTS =\n  '").unwrap();
    let (texts, _) = after.split_once('\'').unwrap();
    let failures = (0x80..=0xff).filter_map(ReasonCode::from_u8);
    let ours: Vec<_> = failures.map(ReasonCode::text).collect();
    assert!(texts.split('|').eq(ours), "{texts}");
}

#[test]
fn table_2_4_every_property_is_read_and_typed() {
    let (script, types) = (
        include_str!("../js/fields.js"),
        include_str!("../js/index.d.ts"),
    );
    let all = (0..=0xff).filter_map(PropertyId::from_u32);
    let mut count = 0;
    for id in all {
        count += 1;
        let name = format!("{id:?}");
        let name = match id {
            // The client's own affair, in both directions.
            PropertyId::TopicAlias | PropertyId::SubscriptionIdentifier => continue,
            PropertyId::UserProperty => "userProperties".to_owned(),
            _ => name[..1].to_lowercase() + &name[1..],
        };
        let row = match id {
            // An option of its own, and a list.
            PropertyId::RequestResponseInformation
            | PropertyId::RequestProblemInformation
            | PropertyId::UserProperty => name.clone(),
            _ => format!("\n  {name}: [{:#04x}, ", id as u32),
        };
        assert!(script.contains(&row), "{row}");
        assert!(types.contains(&format!(" {name}?: ")), "{name}");
    }
    assert_eq!(count, 27);
}
