use super::*;

const FILE: &str = "
# everybody
topic read Kitchen/#
topic deny Kitchen/Secret

user mia
topic readwrite home/led
topic Garden/+

pattern write devices/%c/state
pattern read users/%u/#
";

fn allows(acl: &Acl, client: &str, user: Option<&str>, topic: &str) -> bool {
    let who = Identity {
        client_id: client.into(),
        username: user.map(Into::into),
        rules: 0,
    };
    acl.allows(&who, &TopicName::new(topic).unwrap(), Access::Read)
}

fn may(client: &str, user: Option<&str>, topic: &str, access: Access) -> bool {
    let who = Identity {
        client_id: client.into(),
        username: user.map(Into::into),
        rules: 0,
    };
    let topic = TopicName::new(topic).unwrap();
    Acl::parse(FILE).unwrap().allows(&who, &topic, access)
}

#[test]
fn without_a_file_everything_is_allowed() {
    let topic = TopicName::new("a").unwrap();
    assert!(Acl::default().allows(&Identity::default(), &topic, Access::Write));
}

#[test]
fn rules_before_the_first_user_are_for_anonymous_clients() {
    assert!(may("c", None, "Kitchen/Fridge", Access::Read));
    assert!(!may("c", None, "Kitchen/Fridge", Access::Write));
    assert!(!may("c", Some("mia"), "Kitchen/Fridge", Access::Read));
    assert!(!may("c", None, "home/led", Access::Read));
}

#[test]
fn a_user_has_rules_of_their_own() {
    assert!(may("c", Some("mia"), "home/led", Access::Write));
    assert!(may("c", Some("mia"), "Garden/Pump", Access::Write));
    assert!(!may("c", Some("mia"), "Garden/Pump/State", Access::Read));
    assert!(!may("c", Some("tom"), "home/led", Access::Write));
}

#[test]
fn deny_beats_allow() {
    assert!(!may("c", None, "Kitchen/Secret", Access::Read));
}

#[test]
fn patterns_hold_for_all_and_cannot_be_widened_by_a_wildcard() {
    assert!(may("fridge", None, "devices/fridge/state", Access::Write));
    assert!(!may("fridge", None, "devices/oven/state", Access::Write));
    assert!(!may("+", None, "devices/oven/state", Access::Write));
    assert!(may("c", Some("mia"), "users/mia/x", Access::Read));
    assert!(!may("c", None, "users//x", Access::Read));
    assert!(!may("mia", Some("%c"), "users/mia/x", Access::Read));
    assert!(!may("c", Some("#"), "devices/c/state", Access::Write));
}

#[test]
fn a_users_own_rules_come_before_patterns() {
    let acl = Acl::parse(
        "user root\ntopic readwrite #\ntopic deny vault\npattern deny %c/#\npattern read all/#\n\
         pattern read vault\n",
    );
    let allows = |user: &str, topic| allows(acl.as_ref().unwrap(), "c", Some(user), topic);
    assert!(allows("root", "c/x"));
    assert!(!allows("root", "vault"));
    assert!(!allows("tom", "c/x"));
    assert!(allows("tom", "all/x"));
}

#[test]
fn no_name_makes_a_pattern_one_of_a_shared_subscription() {
    let acl = Acl::parse("pattern readwrite %c/state/#\ntopic read $share/g/secret\n").unwrap();
    assert!(allows(&acl, "fridge", None, "fridge/state/x"));
    for topic in ["secret", "oven/state/x", "$share/state/x"] {
        assert!(!allows(&acl, "$share", None, topic), "{topic}");
    }
    assert_eq!(acl.warnings.len(), 1, "{:?}", acl.warnings);
}

#[test]
fn a_subscription_to_one_forbidden_topic_gets_nothing() {
    let acl = Acl::parse(FILE).unwrap();
    let who = Identity::default();
    let allows = |filter| acl.may_get_something(&who, &TopicFilter::new(filter).unwrap());
    assert!(!allows("Kitchen/Secret"));
    assert!(!allows("home/led"));
    assert!(allows("Kitchen/Fridge"));
    assert!(allows("#"));
}

#[test]
fn a_subscription_to_one_topic_is_denied_by_a_rule_only() {
    let acl = Acl::parse("topic read a/#\ntopic deny a/secret\npattern deny %c/#\n").unwrap();
    let who = Identity {
        client_id: "c".into(),
        ..Identity::default()
    };
    let denies = |filter| acl.denies_all(&who, &TopicFilter::new(filter).unwrap());
    for filter in ["a/secret", "$share/g/a/secret", "c/x"] {
        assert!(denies(filter), "{filter}");
    }
    for filter in ["a/x", "b", "#", "a/+", "c/#"] {
        assert!(!denies(filter), "{filter}");
    }
    assert!(!Acl::default().denies_all(&who, &TopicFilter::new("a/secret").unwrap()));
}

#[test]
fn errors_say_the_line() {
    assert_eq!(Acl::parse("topic a\nfoo bar").unwrap_err().0, 2);
    assert!(Acl::parse("topic read a/#/b").is_err());
    assert!(Acl::parse("topic").is_err());
    assert!(Acl::parse("user").is_err());
    let (_, what) = Acl::parse("topic raed home/led").unwrap_err();
    assert!(what.contains("not \"raed\""), "{what}");
    assert!(Acl::parse("topic read a topic with spaces").is_ok());
    assert_eq!(Acl::parse("pattern read x").unwrap().warnings.len(), 1);
}

/// What the rules of a file come to, written another way: line by line, with
/// every name put in first, letter by letter.
mod model {
    /// Whether a topic is for a filter, by the words of section 4.7.
    fn matches(filter: &[char], topic: &[char], is_first: bool) -> bool {
        if is_first && (filter.first() == Some(&'$')) != (topic.first() == Some(&'$')) {
            return false;
        }
        match (filter, topic) {
            (['#'], _) | (['/', '#'], []) => true,
            (['+', filter @ ..], _) => (0..=topic.len())
                .take_while(|len| !topic[..*len].contains(&'/'))
                .any(|len| matches(filter, &topic[len..], false)),
            ([a, filter @ ..], [b, topic @ ..]) => a == b && matches(filter, topic, false),
            ([], []) => true,
            _ => false,
        }
    }

    pub(super) fn allows(
        file: &str,
        (client, user): (&str, Option<&str>),
        topic: &str,
        access: &str,
    ) -> bool {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let has_wildcard = |name: &str| name.contains('+') || name.contains('#');
        let is_dangerous = has_wildcard(client) || user.is_some_and(has_wildcard);
        let mut section = None;
        // In the order in which they count: who says it, and what is denied
        // before what is allowed.
        let mut said = Vec::new();
        for line in file.lines() {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let (key, words) = words.split_first().expect("a word");
            let (access_of_rule, filter) = match words {
                [_] if *key == "user" => {
                    section = Some(words[0]);
                    continue;
                }
                [filter] => ("readwrite", *filter),
                [access, filter] => (*access, *filter),
                _ => continue,
            };
            let is_pattern = *key == "pattern";
            if !is_pattern && section != user || is_pattern && is_dangerous {
                continue;
            }
            let filter = match (is_pattern, user) {
                (true, None) if filter.contains("%u") => continue,
                (true, user) => {
                    let mut filled = String::new();
                    let mut rest = letters(filter).into_iter().peekable();
                    while let Some(letter) = rest.next() {
                        match (letter, rest.peek()) {
                            ('%', Some('c')) => filled.push_str(client),
                            ('%', Some('u')) => filled.push_str(user.unwrap_or_default()),
                            _ => {
                                filled.push(letter);
                                continue;
                            }
                        }
                        rest.next();
                    }
                    filled
                }
                (false, _) => filter.to_owned(),
            };
            if matches(&letters(&filter), &letters(topic), true) {
                let is_denied = access_of_rule == "deny";
                if is_denied || access_of_rule.contains(access) {
                    said.push((is_pattern, !is_denied));
                }
            }
        }
        said.iter().min().is_some_and(|(_, is_allowed)| *is_allowed)
    }
}

#[test]
fn random_rules_say_what_a_simpler_reading_of_them_says() {
    const SEED: u64 = 0x0acc_e550;
    let mut rng = fastrand::Rng::with_seed(SEED);
    let users = ["ada", "bob", "a+b", "%c", "x/y"];
    let clients = ["c1", "c2", "c#", "%u", "c1/x", "ada"];
    let mut verdicts = [0; 2];
    for round in 0..400 {
        let mut file = String::new();
        for _ in 0..rng.usize(1..14) {
            if rng.u8(..4) == 0 {
                file += &format!("user {}\n", rng.choice(users).unwrap());
            }
            let key = *rng.choice(&["topic", "topic", "pattern"]).unwrap();
            let access = *rng
                .choice(&["", "read ", "write ", "readwrite ", "deny "])
                .unwrap();
            let mut filter: Vec<&str> = Vec::new();
            for _ in 0..rng.usize(1..4) {
                let level = ["a", "b", "", "+", "%c", "%u", "x%cy", "%%u", "ada", "$a"];
                filter.push(rng.choice(level).unwrap());
            }
            if rng.u8(..3) == 0 {
                filter.push("#");
            }
            let filter = filter.join("/");
            if !filter.is_empty() {
                file += &format!("{key} {access}{filter}\n");
            }
        }
        let acl = Acl::parse(&file).unwrap_or_else(|error| panic!("{file}: {error:?}"));
        for _ in 0..40 {
            let client = *rng.choice(&clients).unwrap();
            let user = rng.bool().then(|| *rng.choice(&users).unwrap());
            let levels = [
                "a", "b", "", "c1", "ada", "xc1y", "%ada", "$a", "x", "y", "%c",
            ];
            let topic: Vec<&str> = (0..rng.usize(1..5))
                .map(|_| *rng.choice(&levels).unwrap())
                .collect();
            let Ok(name) = TopicName::new(topic.join("/")) else {
                continue;
            };
            let who = Identity {
                client_id: client.into(),
                username: user.map(Into::into),
                rules: 0,
            };
            for (access, word) in [(Access::Read, "read"), (Access::Write, "write")] {
                let ours = acl.allows(&who, &name, access);
                let wanted = model::allows(&file, (client, user), &name, word);
                verdicts[usize::from(wanted)] += 1;
                assert_eq!(
                    ours, wanted,
                    "seed {SEED:#x}, round {round}: {who:?} {word}s {name} by\n{file}"
                );
            }
        }
    }
    assert!(verdicts.iter().all(|count| *count > 1000), "{verdicts:?}");
}

#[test]
fn a_client_publishes_below_sys_what_it_says_of_itself_only() {
    let who = Identity {
        client_id: "far".into(),
        ..Identity::default()
    };
    assert!(who.may_publish_sys("$SYS/broker/connection/far/state"));
    assert!(!who.may_publish_sys("$SYS/broker/connection/near/state"));
    assert!(!who.may_publish_sys("$SYS/broker/uptime"));
    let bridge = Identity::of_bridge("far".into(), None);
    assert!(bridge.may_publish_sys("$SYS/broker/uptime"));
}
