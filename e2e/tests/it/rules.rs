//! Random rules of an `acl_file`, put to Mosquitto and to this broker: what one
//! allows and denies, the other does.
//!
//! What is not put to them: below `$SYS` nobody but this broker publishes, where
//! Mosquitto leaves `$SYS/broker/connection/+/state` open; and what is retained
//! on `$d` is not found by `$d/#` in Mosquitto, where [MQTT-4.7.1-2] says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use e2e::{Login, Message, Raw, Server, Version, Which};
use fastrand::Rng;

/// What a failure is repeated with: it says the seed of its round.
const SEEDS: [u64; 3] = [20_250_118, 7, 0xac1];
/// How often the rules change while the brokers run.
const RELOADS: usize = 3;

const USERS: [Option<&str>; 10] = [
    None,
    // Which is none.
    Some(""),
    Some("ada"),
    Some("bob"),
    Some("John Doe"),
    Some("x/y"),
    Some("a+b"),
    Some("#"),
    Some("%c"),
    Some("Jürgen"),
];
const IDS: [&str; 10] = [
    "c1", "c2", "c 3", "c/4", "c+5", "c#6", "%u", "%c", "$d", "$share",
];
/// Who may publish and read everything, whatever the patterns say.
const ROOT: &str = "user root\ntopic readwrite #\ntopic readwrite $d/#\ntopic readwrite $e/#\n";

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// A file of rules, and which round it is, so that it is known to hold.
fn rules(rng: &mut Rng, round: usize) -> String {
    let mut file = format!("# round {round}\n\n{ROOT}user probe\ntopic write {round}\n");
    let mut anonymous = String::new();
    for _ in 0..70 {
        let words = &mut match rng.u8(..6) {
            0 => String::from("pattern "),
            _ => String::from("topic "),
        };
        let mut access = pick(rng, &["read ", "write ", "readwrite ", "deny ", ""]);
        if words.starts_with("pattern") && rng.u8(..3) > 0 {
            access = "read ";
        }
        let mut levels: Vec<&str> = (0..rng.usize(1..4))
            .map(|_| {
                let level = [
                    "a", "b", "c", "", "+", "x y", "é", "%c", "%u", "x%cy", "%%u", "%", "c1", "ada",
                ];
                pick(rng, &level)
            })
            .collect();
        if rng.u8(..8) == 0 {
            levels[0] = pick(rng, &["$d", "$e"]);
        }
        if rng.u8(..4) == 0 {
            levels.push("#");
        }
        let topic = levels.join("/");
        // A topic with a space in it comes after the access; none is empty.
        if topic.trim().is_empty() || topic.contains(' ') && access.is_empty() {
            continue;
        }
        write!(words, "{access}{topic}").expect("there is room");
        if rng.u8(..3) == 0 {
            anonymous.push_str(&format!("{words}\n"));
            continue;
        }
        if rng.u8(..3) == 0 {
            let user = USERS[rng.usize(2..USERS.len())].unwrap_or_default();
            file.push_str(&format!("\n# of {user}\nuser {user}\n"));
        }
        file.push_str(&format!("{words}\n"));
    }
    // What stands before the first user is for those without a name.
    anonymous + file.as_str()
}

fn topics(rng: &mut Rng) -> Vec<String> {
    let mut topics = BTreeSet::new();
    while topics.len() < 60 {
        let level = [
            "a", "b", "c", "", "x y", "é", "c1", "c2", "ada", "xc1y", "%ada", "%", "%c", "c", "4",
            "John Doe", "x", "y",
        ];
        let mut levels: Vec<&str> = (0..rng.usize(1..5)).map(|_| pick(rng, &level)).collect();
        if rng.u8(..6) == 0 && levels.len() > 1 {
            levels[0] = pick(rng, &["$d", "$e"]);
        }
        let topic = levels.join("/");
        if !topic.is_empty() {
            topics.insert(topic);
        }
    }
    topics.into_iter().collect()
}

/// What both brokers are asked, and in which order.
struct Plan {
    rounds: Vec<(String, Vec<String>)>,
    clients: Vec<Login>,
    /// Of each client, what its will is about in each round.
    wills: Vec<Vec<String>>,
}

fn plan(seed: u64) -> Plan {
    let mut rng = Rng::with_seed(seed);
    let rounds: Vec<_> = (0..=RELOADS)
        .map(|round| (rules(&mut rng, round), topics(&mut rng)))
        .collect();
    let mut clients = Vec::new();
    for id in IDS {
        let user = USERS[rng.usize(..USERS.len())];
        clients.push(Login::new(Version::V5, id).named(user));
    }
    for (n, user) in USERS.iter().enumerate() {
        clients.push(Login::new(Version::V5, &format!("n{n}")).named(*user));
    }
    let mut old = Login::new(Version::V311, "old").named(Some("ada"));
    old.clean = false;
    clients.push(old);
    let will =
        |rng: &mut Rng, (_, topics): &(_, Vec<String>)| topics[rng.usize(..topics.len())].clone();
    let wills = clients
        .iter()
        .map(|_| rounds.iter().map(|round| will(&mut rng, round)).collect())
        .collect();
    Plan {
        rounds,
        clients,
        wills,
    }
}

/// Mosquitto's manual says that `check_retain_source` is true unless it is set
/// to false, as it is here; its code takes it for false unless it is set.
const CONFIG: &str = "check_retain_source true\nset_tcp_nodelay true\nlistener {1} 127.0.0.1\n\
    allow_anonymous true\nacl_file {folder}/acl\n";

fn write(folder: &Path, rules: &str) {
    fs::write(folder.join("acl"), rules).expect("room for a file");
}

fn topics_of(messages: &[Message]) -> BTreeSet<&str> {
    messages.iter().map(|m| m.topic.as_str()).collect()
}

/// What a broker answers, a line for each question.
async fn answers(which: Which, plan: &Plan) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |what: String| said.push(what);
    let first = &plan.rounds[0].0;
    let server = Server::running(which, CONFIG, |folder| write(folder, first)).await;
    let port = server.ports[0];
    let root = Login::new(Version::V5, "root's own").named(Some("root"));
    let mut root = Raw::connected(port, &root).await;
    let all = [("#", 0), ("$d/#", 0), ("$e/#", 0)];
    for (round, (rules, topics)) in plan.rounds.iter().enumerate() {
        if round > 0 {
            write(server.folder(), rules);
            server.reload();
            // The rules hold when somebody may publish what only they allow;
            // for such an identifier there are no patterns.
            let probe = Login::new(Version::V5, "#").named(Some("probe"));
            let mut probe = Raw::connected(port, &probe).await;
            let message = Message::new(&round.to_string(), 1, "");
            while probe.publish(&message).await == 0x87 {}
            probe.leave(false).await;
        }
        let mut clients = Vec::new();
        for login in &plan.clients {
            let mut client = Raw::connected(port, login).await;
            let mut filters = all.to_vec();
            filters.extend(topics.iter().step_by(7).map(|topic| (topic.as_str(), 1)));
            let codes = client.subscribe(&filters).await;
            // What a rule denies is refused here, and granted in vain there.
            let codes = codes.into_iter().zip(&filters);
            let codes: Vec<_> = codes
                .map(|(code, (_, qos))| if code < 0x80 { code } else { *qos })
                .collect();
            say(format!("{round} {login:?} subscribes: {codes:?}"));
            let got = client.settle().await;
            say(format!("{round} {login:?} finds {:?}", topics_of(&got)));
            client.leave(false).await;
            let mut client = Raw::connected(port, login).await;
            client.subscribe(&all).await;
            client.settle().await;
            clients.push((login, client));
        }
        root.subscribe(&all).await;
        root.settle().await;
        // What may be written, retained or not.
        for (login, client) in &mut clients {
            let messages: Vec<_> = topics
                .iter()
                .map(|topic| Message::new(topic, 1, format!("{round}")))
                .collect();
            let codes = client.publish_all(&messages).await;
            let denied: Vec<_> = topics
                .iter()
                .zip(codes)
                .filter(|(_, code)| *code >= 0x80)
                .collect();
            say(format!("{round} {login:?} may not write {denied:?}"));
            let got = root.settle().await;
            say(format!("{round} {login:?} wrote {:?}", topics_of(&got)));
            let retained: Vec<_> = messages.into_iter().map(Message::retained).collect();
            client.publish_all(&retained[..retained.len() / 3]).await;
            root.settle().await;
        }
        for (_, client) in &mut clients {
            client.settle().await;
        }
        // What may be read.
        let messages: Vec<_> = topics.iter().map(|t| Message::new(t, 1, "x")).collect();
        root.publish_all(&messages).await;
        root.settle().await;
        for (login, client) in &mut clients {
            let got = client.settle().await;
            say(format!("{round} {login:?} reads {:?}", topics_of(&got)));
        }
        // What is found later: retained by somebody else, and whether they may
        // still write it is asked again in the next round.
        for ((login, client), wills) in clients.into_iter().zip(&plan.wills) {
            client.leave(false).await;
            let mut login = login.clone();
            login.version = Version::V5;
            login.will = Some(Message::new(&wills[round], 0, "will").retained());
            Raw::connected(port, &login).await.leave(true).await;
            let got = root.settle().await;
            say(format!(
                "{round} the will of {login:?}: {:?}",
                topics_of(&got)
            ));
        }
        let mut late =
            Raw::connected(port, &Login::new(Version::V5, "late").named(Some("root"))).await;
        late.subscribe(&all).await;
        let got = late.settle().await;
        say(format!("{round} retained: {:?}", topics_of(&got)));
        late.leave(false).await;
    }
    said
}

#[tokio::test]
async fn what_mosquitto_allows_and_denies_this_broker_does() {
    for seed in SEEDS {
        let plan = plan(seed);
        let (theirs, ours) = tokio::join!(
            answers(Which::Mosquitto, &plan),
            answers(Which::Ours, &plan)
        );
        assert_eq!(theirs.len(), ours.len());
        for (theirs, ours) in theirs.iter().zip(&ours) {
            if theirs != ours {
                let round: usize = theirs[..1].parse().expect("a line starts with its round");
                panic!(
                    "seed {seed}\nMosquitto: {theirs}\nours:      {ours}\nby\n{}",
                    plan.rounds[round].0
                );
            }
        }
        let some = |words: &str| ours.iter().filter(|line| line.contains(words)).count();
        assert!(
            some("may not write [(") > 20 && some("reads {\"") > 20,
            "{ours:#?}"
        );
    }
}
