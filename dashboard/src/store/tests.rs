use super::*;
use crate::extract::Reading;
use crate::time::Age;
use crate::widget::LED_TOPIC;

fn message(topic: &str, payload: &str, at: f64) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        retain: false,
        at: Millis(at),
    }
}

fn retained(topic: &str, payload: &str, at: f64) -> Message {
    Message {
        retain: true,
        ..message(topic, payload, at)
    }
}

fn store(messages: &[Message]) -> Store {
    let mut store = Store::default();
    for message in messages {
        store.receive([message], message.at);
    }
    store
}

fn topic(messages: &[Message]) -> Rc<Topic> {
    store(messages).at(0).clone()
}

#[test]
fn the_latest_value_wins_and_the_past_is_a_line() {
    let fridge = topic(&[
        message("f", "T:14", 0.0),
        message("f", "T:15", 2_000.0),
        message("f", "T:13", 4_000.0),
    ]);
    assert_eq!(fridge.series.len(), 1);
    assert_eq!(fridge.series[0].leaf.value, 13.0);
    let line: Vec<f64> = fridge.series[0]
        .points
        .iter()
        .map(|point| point.value)
        .collect();
    assert_eq!(line, [14.0, 15.0, 13.0]);
    assert_eq!(fridge.series[0].range(), Some((13.0, 15.0)));
}

#[test]
fn leaves_keep_their_own_past_when_others_come_and_go() {
    let sensor = topic(&[
        message("s", r#"{"t":1,"h":50}"#, 0.0),
        message("s", r#"{"h":51}"#, 1_000.0),
        message("s", r#"{"b":9,"h":52}"#, 2_000.0),
    ]);
    let paths: Vec<_> = sensor
        .series
        .iter()
        .map(|series| (series.leaf.path.as_str(), series.points.len()))
        .collect();
    assert_eq!(paths, [("b", 1), ("h", 3)]);
}

#[test]
fn a_fast_sensor_does_not_push_the_minute_off_the_line() {
    let fast: Vec<Message> = (0..6_000)
        .map(|i| message("f", &i.to_string(), f64::from(i) * 10.0))
        .collect();
    let points = &topic(&fast).series[0].points;
    assert!(points.len() <= series::MAX_POINTS);
    assert_eq!(points.back().map(|point| point.value), Some(5_999.0));
    let covered = points[points.len() - 1].at.since(points[0].at);
    assert!(covered > 40_000.0, "{covered} ms");
}

#[test]
fn a_retained_value_has_no_age_and_no_point() {
    let kept = topic(&[retained("k", "21", 0.0)]);
    assert_eq!(
        (kept.age(Millis(5_000.0)), kept.series[0].points.len()),
        (Age::Unknown, 0)
    );
    let live = topic(&[retained("k", "21", 0.0), message("k", "22", 1_000.0)]);
    assert_eq!(
        (live.age(Millis(3_000.0)), live.series[0].points.len()),
        (Age::Seconds(2), 1)
    );
}

#[test]
fn a_retained_value_that_comes_again_after_a_reconnect_changes_nothing() {
    let same = topic(&[message("k", "21", 0.0), retained("k", "21", 60_000.0)]);
    assert_eq!(same.age(Millis(60_000.0)), Age::Minutes(1));
    let other = topic(&[message("k", "21", 0.0), retained("k", "25", 60_000.0)]);
    assert_eq!(
        (other.age(Millis(60_000.0)), other.series[0].leaf.value),
        (Age::Unknown, 25.0)
    );
}

#[test]
fn a_topic_is_late_after_three_of_its_own_intervals() {
    let every_two: Vec<Message> = (0..5)
        .map(|i| message("f", "T:1", f64::from(i) * 2_000.0))
        .collect();
    let fridge = topic(&every_two);
    assert!(!fridge.is_stale(Millis(13_900.0)));
    assert!(fridge.is_stale(Millis(14_100.0)));
    let every_thirty: Vec<Message> = (0..5)
        .map(|i| message("a", "CO2:1", f64::from(i) * 30_000.0))
        .collect();
    assert!(!topic(&every_thirty).is_stale(Millis(200_000.0)));
    assert!(topic(&every_thirty).is_stale(Millis(211_000.0)));
}

#[test]
fn nobody_is_late_before_a_rhythm_is_known() {
    assert!(!topic(&[message("f", "1", 0.0)]).is_stale(Millis(1e9)));
    assert!(!topic(&[message("f", "1", 0.0), message("f", "2", 10.0)]).is_stale(Millis(1e9)));
    let states: Vec<Message> = (0..9)
        .map(|i| message("p", "Turn On", f64::from(i) * 1_000.0))
        .collect();
    assert!(
        !topic(&states).is_stale(Millis(1e9)),
        "a state stays until it changes"
    );
}

#[test]
fn one_silence_is_an_exception_and_two_are_a_rhythm() {
    let mut times = vec![0.0, 2_000.0, 4_000.0, 6_000.0, 66_000.0];
    let at = |times: &[f64]| {
        topic(
            &times
                .iter()
                .map(|&t| message("f", "1", t))
                .collect::<Vec<_>>(),
        )
    };
    times.push(68_000.0);
    assert!(at(&times).is_stale(Millis(76_000.0)), "back to two seconds");
    times.pop();
    times.extend([126_000.0, 186_000.0]);
    assert!(!at(&times).is_stale(Millis(246_000.0)), "now once a minute");
}

#[test]
fn groups_are_by_first_level_in_the_order_of_the_alphabet() {
    let store = store(&[
        message("zoo/b", "1", 0.0),
        message("alone", "1", 0.0),
        message("Kitchen/Fridge", "1", 0.0),
        message("home/lamp", "ON", 0.0),
        message("/slash/first", "1", 0.0),
        message("Kitchen/AirQuality", r#"{"co2":1,"t":2}"#, 0.0),
    ]);
    let names: Vec<_> = store
        .groups()
        .iter()
        .map(|group| group.name.to_string())
        .collect();
    assert_eq!(names, ["/", "home", "Kitchen", "zoo", ""]);
    let groups = store.groups();
    assert_eq!(groups[1].slots, [Slot::Topic(3, Width::Narrow), Slot::Led]);
    assert_eq!(
        groups[2].slots,
        [Slot::Topic(5, Width::Wide), Slot::Topic(2, Width::Narrow)]
    );
}

#[test]
fn the_led_stands_once_heard_or_not() {
    let slots = |store: &Store| {
        store
            .groups()
            .iter()
            .flat_map(|group| group.slots.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(slots(&Store::default()), [Slot::Led]);
    assert_eq!(
        slots(&store(&[message(LED_TOPIC, "Turn On", 0.0)])),
        [Slot::Led]
    );
}

#[test]
fn a_group_that_did_not_change_stays_the_same() {
    let first = store(&[message("a/1", "1", 0.0), message("b/1", "1", 0.0)]);
    let mut next = first.clone();
    next.receive([&message("b/2", "1", 1.0)], Millis(1.0));
    let (before, after) = (first.groups(), next.groups());
    assert!(Rc::ptr_eq(&before[0], &after[0]));
    assert!(!Rc::ptr_eq(&before[1], &after[1]));
}

#[test]
fn topics_are_bounded_and_those_left_out_are_counted() {
    let many: Vec<Message> = (0..MAX_TOPICS + 7)
        .map(|i| message(&format!("t/{i}"), "1", 0.0))
        .collect();
    let mut store = Store::default();
    store.receive(&many, Millis(0.0));
    assert_eq!((store.len(), store.left_out()), (MAX_TOPICS, 7));
    store.receive([&message("t/1", "2", 1.0)], Millis(1.0));
    assert_eq!(
        store.get("t/1").map(|topic| topic.series[0].leaf.value),
        Some(2.0),
        "known topics go on"
    );
}

#[test]
fn bytes_are_bounded_however_large_the_messages() {
    let payload = format!(
        "{{{}\"z\":1}}",
        (0..50)
            .map(|i| format!("\"{}{i}\":1,", "k".repeat(1_000)))
            .collect::<String>()
    );
    let many: Vec<Message> = (0..MAX_TOPICS)
        .map(|i| message(&format!("t/{i}"), &payload, 0.0))
        .collect();
    let mut store = Store::default();
    store.receive(&many, Millis(0.0));
    assert!(store.bytes < MAX_BYTES + 64 * 1024, "{}", store.bytes);
    assert!(store.left_out() > 0);
    assert_eq!(
        store.bytes,
        store
            .topics
            .iter()
            .map(|topic| topic.bytes())
            .sum::<usize>()
    );
    let long = message(&"n".repeat(MAX_NAME + 1), "1", 0.0);
    let mut other = Store::default();
    other.receive([&long], Millis(0.0));
    assert_eq!((other.len(), other.left_out()), (0, 1));
}

#[test]
fn the_log_holds_the_latest_and_shows_a_flood_in_steps() {
    let mut store = store(&[message("a", "1", 1_000.0)]);
    assert_eq!(store.log().shown().len(), 1);
    let flood: Vec<Message> = (0..600)
        .map(|i| message("b", &i.to_string(), 1_010.0))
        .collect();
    store.receive(&flood, Millis(1_010.0));
    assert_eq!(store.log().shown().len(), 1, "too soon");
    store.tick(Millis(1_300.0));
    let shown = store.log().shown().clone();
    assert_eq!(shown.len(), log::MAX_ENTRIES);
    assert_eq!(shown[0].payload.as_deref(), Some("599"));
    assert!(shown[0].has("599") && shown[0].has("b") && !shown[0].has("598"));
    assert_eq!(store.log().count(), 601);
    store.receive([&message("c", "x", 1_310.0)], Millis(1_310.0));
    assert_eq!(
        &*store.log().shown()[0].topic,
        "c",
        "a single message is shown at once"
    );
}

#[test]
fn the_messages_before_are_kept_shortened_and_counted() {
    let long = "x".repeat(5_000);
    let mut messages: Vec<Message> = (0..20)
        .map(|i| message("t", &i.to_string(), f64::from(i)))
        .collect();
    messages.push(message("t", &long, 100.0));
    messages.push(message("t", "end", 200.0));
    let topic = topic(&messages);
    assert_eq!((&*topic.latest.payload, topic.count), (&b"end"[..], 22));
    assert_eq!(topic.history.len(), super::topic::MAX_HISTORY);
    let before = &topic.history[0];
    let size = (before.payload.len(), before.len);
    assert_eq!(
        size,
        (4_096, 5_000),
        "the one before is to be compared with"
    );
    assert!(before.is_cut() && !topic.history[1].is_cut());
    assert_eq!(&*topic.history[1].payload, b"19");
    messages.push(message("t", "after the end", 300.0));
    let topic = self::topic(&messages);
    assert_eq!(topic.history[1].payload.len(), 256);
}

#[test]
fn a_retained_message_sent_again_is_no_history() {
    for first in [message("t", "1", 0.0), retained("t", "1", 0.0)] {
        let topic = topic(&[first, retained("t", "1", 50.0)]);
        assert_eq!((topic.count, topic.history.len()), (1, 0));
    }
}

#[test]
fn text_stays_text() {
    assert_eq!(
        topic(&[message("t", "hello", 0.0)]).reading,
        Reading::Text {
            text: "hello".into(),
            cut: false
        }
    );
}

#[test]
fn the_last_level_names_the_thing() {
    let name = |topic_name: &str| {
        topic(&[message(topic_name, "1", 0.0)])
            .last_level()
            .to_owned()
    };
    assert_eq!(name("Kitchen/Fridge"), "Fridge");
    assert_eq!(name("alone"), "alone");
    assert_eq!(name("a/b/"), "b");
    assert_eq!(name("/"), "/");
}

#[test]
fn a_picture_is_kept_whole_while_there_is_room() {
    let picture = |len: usize| {
        let mut payload = b"GIF89a".to_vec();
        payload.resize(len, 0xff);
        Message {
            payload,
            ..message("p", "", 0.0)
        }
    };
    assert_eq!(topic(&[picture(200_000)]).latest.payload.len(), 200_000);
    assert!(
        topic(&[picture(300_000)]).latest.is_cut(),
        "it is too large"
    );
    let after = topic(&[picture(200_000), message("p", "x", 1.0)]);
    assert_eq!(after.history[0].payload.len(), 4_096);
    let mut store = Store::default();
    for number in 0..200 {
        let one = Message {
            topic: number.to_string(),
            ..picture(250_000)
        };
        store.receive([&one], Millis(0.0));
        // Again, in the place of the one before.
        store.receive([&one], Millis(0.0));
    }
    assert_eq!((store.len(), store.left_out()), (200, 0));
    assert!(store.bytes <= MAX_BYTES, "{}", store.bytes);
    assert!(!store.at(0).latest.is_cut() && store.at(150).latest.is_cut());
}

#[test]
fn the_log_is_written_out_line_by_line_with_what_was_cut() {
    let mut store = Store::default();
    let long = "é".repeat(1_500);
    let bytes = Message {
        payload: vec![0xff, 0],
        ..message("b", "", 2_000.0)
    };
    let messages = [
        retained("a", "say \"hi\"", 0.0),
        message("l", &long, 1_000.0),
        bytes,
    ];
    store.receive(&messages, Millis(3_000.0));
    let shown = store.log().shown();
    let text = lines(shown.iter());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"time":"1970-01-01T00:00:00.000Z","topic":"a","retained":true,"payload":"say \"hi\"","bytes":8,"cut":false}"#
    );
    assert!(
        lines[1].ends_with(r#"é","bytes":3000,"cut":true}"#),
        "{}",
        lines[1]
    );
    assert!(lines[2].ends_with(r#""payload":null,"bytes":2,"cut":true}"#));
    assert_eq!(lines.len(), 3);
}
