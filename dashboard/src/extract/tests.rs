use super::*;

fn numbers(payload: &str) -> Vec<Leaf> {
    match extract(payload.as_bytes()) {
        Reading::Numbers(leaves) => leaves,
        other => panic!("{payload:?} reads {other:?}"),
    }
}

/// Label, value, unit of each leaf.
fn read(payload: &str) -> Vec<(String, f64, String)> {
    let leaves = numbers(payload).into_iter();
    leaves
        .map(|leaf| (leaf.label.unwrap_or_default(), leaf.value, leaf.unit))
        .collect()
}

fn one(payload: &str) -> (String, f64, String) {
    let mut leaves = read(payload);
    assert_eq!(leaves.len(), 1, "{payload:?}");
    leaves.remove(0)
}

fn leaf(label: &str, value: f64, unit: &str) -> (String, f64, String) {
    (label.into(), value, unit.into())
}

fn is_text(payload: &str) {
    match extract(payload.as_bytes()) {
        Reading::Text { .. } => {}
        other => panic!("{payload:?} reads {other:?}"),
    }
}

#[test]
fn the_kitchen_reads_as_people_say_it() {
    assert_eq!(one("Temperature:14"), leaf("Temperature", 14.0, ""));
    assert_eq!(one("CO2:640"), leaf("CO2", 640.0, ""));
}

#[test]
fn keys_with_equals_spaces_and_units() {
    assert_eq!(one("CO2:640 ppm"), leaf("CO2", 640.0, "ppm"));
    assert_eq!(one("CO2:640ppm"), leaf("CO2", 640.0, "ppm"));
    assert_eq!(one("temp = -18.4 °C"), leaf("temp", -18.4, "°C"));
    assert_eq!(one("  Humidity: 40% \r\n"), leaf("Humidity", 40.0, "%"));
    assert_eq!(one("Temperature (°C): 14"), leaf("Temperature", 14.0, "°C"));
    assert_eq!(one("PM2.5:12 µg/m³"), leaf("PM2.5", 12.0, "µg/m³"));
    assert_eq!(one("Flow:3.5 m3/h"), leaf("Flow", 3.5, "m3/h"));
}

#[test]
fn several_pairs_in_one_payload() {
    assert_eq!(
        read("temp=21.5;hum=40"),
        [leaf("temp", 21.5, ""), leaf("hum", 40.0, "")]
    );
    assert_eq!(
        read("T:21.5 C, H:40 %"),
        [leaf("T", 21.5, "C"), leaf("H", 40.0, "%")]
    );
    assert_eq!(read("a:1\nb:2\n"), [leaf("a", 1.0, ""), leaf("b", 2.0, "")]);
    is_text("temp=21.5;state=fine");
}

#[test]
fn raw_numbers_with_and_without_a_unit() {
    assert_eq!(one("14"), leaf("", 14.0, ""));
    assert_eq!(one("+3.25"), leaf("", 3.25, ""));
    assert_eq!(one("-0.5"), leaf("", -0.5, ""));
    assert_eq!(one(".5"), leaf("", 0.5, ""));
    assert_eq!(one("1e5"), leaf("", 1e5, ""));
    assert_eq!(one("2E-3 A"), leaf("", 2e-3, "A"));
    assert_eq!(one("14 °C"), leaf("", 14.0, "°C"));
    assert_eq!(one("55%"), leaf("", 55.0, "%"));
    assert_eq!(one("230V"), leaf("", 230.0, "V"));
    assert_eq!(one("0"), leaf("", 0.0, ""));
    assert_eq!(one("0 b"), leaf("", 0.0, "b"));
}

#[test]
fn the_decimals_are_those_written() {
    let decimals = |payload: &str| numbers(payload)[0].decimals;
    assert_eq!(decimals("14"), 0);
    assert_eq!(decimals("14.0"), 1);
    assert_eq!(decimals("T:4.25 °C"), 2);
    assert_eq!(decimals("1.5e3"), 0);
    assert_eq!(decimals("1e-4"), 4);
    assert_eq!(decimals(r#"{"a":1.50}"#), 2);
}

#[test]
fn what_only_starts_like_a_number_is_text() {
    for payload in [
        "12:30",
        "2026-11-22",
        "192.168.1.20",
        "0x1F",
        "7f3a9c",
        "3 blind mice",
        "14,5",
        "1.2.3",
        "-",
        "",
        "nan",
        "inf",
        "NaN °C",
        "1e999",
        "T:nan",
        "T:inf",
        "12:30:11 up",
        "http://10.0.0.1/x",
        "Temperature:",
        ":14",
        "14:",
        "5 / 3",
        "1/2",
        "--4",
        "4-",
    ] {
        is_text(payload);
    }
}

#[test]
fn json_leaves_become_rows() {
    let payload =
        r#"{"battery":87,"humidity":40.2,"temp_out":-3,"update":{"state":"idle","progress":null}}"#;
    assert_eq!(
        read(payload),
        [
            leaf("Battery", 87.0, ""),
            leaf("Humidity", 40.2, ""),
            leaf("Temp out", -3.0, "")
        ]
    );
    let tasmota = r#"{"Time":"2026-11-22T12:00:00","AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}"#;
    assert_eq!(
        read(tasmota),
        [
            leaf("AM2301 Temperature", 24.6, ""),
            leaf("AM2301 Humidity", 58.2, "")
        ]
    );
    assert_eq!(read("[1, 2.5]"), [leaf("1", 1.0, ""), leaf("2", 2.5, "")]);
    assert_eq!(numbers(tasmota)[0].path, "AM2301.Temperature");
}

#[test]
fn json_gives_a_unit_only_when_it_is_clear_whose() {
    assert_eq!(one(r#"{"value":21.5,"unit":"°C"}"#), leaf("", 21.5, "°C"));
    assert_eq!(
        one(r#"{"unit":"ppm","co2":640}"#),
        leaf("Co2", 640.0, "ppm")
    );
    assert_eq!(
        read(r#"{"a":1,"b":2,"unit":"V"}"#),
        [leaf("A", 1.0, ""), leaf("B", 2.0, "")]
    );
}

#[test]
fn json_strings_are_unescaped() {
    assert_eq!(one(r#"{"\u00b0 \"x\"\n":1}"#).0, "° \"x\"\n");
}

#[test]
fn json_that_is_broken_or_says_no_number_is_text() {
    for payload in [
        "{",
        "{}",
        "[]",
        r#"{"a":}"#,
        r#"{"a":1"#,
        r#"{"a":1}x"#,
        r#"{"a" 1}"#,
        "[1,]",
        r#"{"a":"1"}"#,
        r#"{"a":true}"#,
        r#"{"a":1e999}"#,
        r#"{"a":--1}"#,
        r#"{"\u12"#,
        r#"{"é\u12é":1}"#,
        "[1 2]",
        "{\"a\n\":1}",
    ] {
        is_text(payload);
    }
    is_text(&"[".repeat(10_000));
    is_text(&format!("{}1{}", "[".repeat(70), "]".repeat(70)));
}

#[test]
fn leaves_are_bounded() {
    let many = format!("[{}1]", "1,".repeat(500));
    assert_eq!(numbers(&many).len(), MAX_LEAVES);
    let pairs = "a:1;".repeat(500);
    assert_eq!(numbers(&pairs).len(), MAX_LEAVES);
}

#[test]
fn on_and_off_in_their_usual_words() {
    let state = |payload: &str| match extract(payload.as_bytes()) {
        Reading::State { label, state } => (label, state.on, state.words),
        other => panic!("{payload:?} reads {other:?}"),
    };
    for word in ["Turn On", "ON", "on", "true", "TRUE", " Turn On\n"] {
        assert_eq!(state(word), (None, true, Words::OnOff), "{word}");
    }
    for word in ["Turn Off", "OFF", "false"] {
        assert_eq!(state(word), (None, false, Words::OnOff), "{word}");
    }
    assert_eq!(state("open"), (None, true, Words::OpenClosed));
    assert_eq!(state("Closed"), (None, false, Words::OpenClosed));
    assert_eq!(state("Offline"), (None, false, Words::OnlineOffline));
    assert_eq!(
        state("Window: open"),
        (Some("Window".into()), true, Words::OpenClosed)
    );
    is_text("on fire");
}

#[test]
fn text_is_cut_and_says_so() {
    let long = "é".repeat(MAX_TEXT + 1);
    assert_eq!(
        extract(long.as_bytes()),
        Reading::Text {
            text: "é".repeat(MAX_TEXT),
            cut: true
        }
    );
    assert_eq!(
        extract(b"hello"),
        Reading::Text {
            text: "hello".into(),
            cut: false
        }
    );
    assert_eq!(
        extract(b""),
        Reading::Text {
            text: String::new(),
            cut: false
        }
    );
    let huge = format!("x{}", "é".repeat(MAX_LOOK));
    assert!(matches!(
        extract(huge.as_bytes()),
        Reading::Text { cut: true, .. }
    ));
}

#[test]
fn bytes_that_are_no_text() {
    let image = [0x89, b'P', b'N', b'G', 0xff, 0xfe];
    assert_eq!(
        extract(&image),
        Reading::Bytes {
            head: image.to_vec(),
            len: 6
        }
    );
    assert!(matches!(extract(b"a\0b"), Reading::Bytes { len: 3, .. }));
    assert_eq!(
        extract(&[0xff; 100]),
        Reading::Bytes {
            head: vec![0xff; MAX_BYTES],
            len: 100
        }
    );
}
