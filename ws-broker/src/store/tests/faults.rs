use fastrand::Rng;
use redb::ReadableTable;

use super::medium::{Fault, Medium, What};
use super::model::Model;
use super::*;
use crate::store::disk::{self, Disk, META, builder};
use crate::store::load::{FORMAT, Failure, read};

/// Opens what is on the medium, and reads it.
fn open(medium: &Medium) -> (Disk, Model) {
    let (database, read) = match read(medium, NOW) {
        Ok(read) => read,
        Err(Failure::Redb(error)) => panic!("it does not open: {error}"),
        Err(Failure::Newer(format)) => panic!("format {format}"),
    };
    assert_eq!(read.damage, None);
    let model = Model::of(&read.loaded);
    (
        Disk::new(Box::new(medium.clone()), Some(database), read.messages),
        model,
    )
}

/// A script of groups of changes, with what the store should hold after each.
fn script(seed: u64, groups: usize) -> Vec<(Vec<Change>, Model)> {
    let mut rng = Rng::with_seed(seed);
    let (mut model, mut next) = (Model::default(), 0);
    let groups = (0..groups).map(|_| {
        let changes = model.random_changes(&mut rng, &mut next);
        changes.iter().for_each(|c| model.apply(c.clone()));
        (changes, model.clone())
    });
    groups.collect()
}

fn group(changes: &[Change]) -> Group {
    let mut group = Group::default();
    changes.iter().for_each(|c| group.add(c.clone()));
    group
}

#[test]
fn what_is_committed_is_read_again() {
    for seed in 0..20 {
        let medium = Medium::default();
        let (mut disk, _) = open(&medium);
        for (changes, model) in script(seed, 20) {
            disk.commit(&group(&changes)).unwrap();
            drop(disk);
            let opened = open(&medium);
            assert_eq!(opened.1, model, "seed {seed}");
            disk = opened.0;
        }
        let after_all = open(&medium).1;
        assert_eq!(after_all, script(seed, 20)[19].1);
    }
}

/// A power cut at every single write: what a commit has promised is there,
/// and nothing of a group that has not been committed in full.
#[test]
fn a_power_cut_at_any_write_loses_nothing_committed() {
    for seed in 0..3 {
        let script = script(seed, 12);
        let mut rng = Rng::with_seed(seed);
        let mut cut_at = 1;
        loop {
            let medium = Medium::default();
            let (mut disk, empty) = open(&medium);
            let opened_at = medium.steps();
            medium.set_fault(Some(Fault {
                what: What::Fails,
                from: opened_at + cut_at,
                times: usize::MAX,
            }));
            let mut committed = script
                .iter()
                .map_while(|(changes, model)| disk.commit(&group(changes)).ok().map(|()| model));
            let before = committed.by_ref().last();
            let done = script.iter().filter(|(_, m)| Some(m) == before).count();
            assert!(done <= 1, "states differ");
            let at = script.iter().position(|(_, m)| Some(m) == before);
            let next = at.map_or(0, |at| at + 1);
            if next == script.len() {
                assert!(cut_at > 50, "there was something to cut");
                break;
            }
            let (_, found) = open(&medium.after_power_cut(&mut rng));
            let before = before.unwrap_or(&empty);
            assert!(
                found == *before || found == script[next].1,
                "seed {seed}, cut at write {cut_at}, after {next} commits"
            );
            cut_at += 1;
        }
    }
}

/// Commits as the journal does: what failed is tried again, with what came
/// meanwhile.
fn commit_all(disk: &mut Disk, script: &[(Vec<Change>, Model)]) -> usize {
    let (mut group, mut failures) = (Group::default(), 0);
    for (changes, _) in script {
        changes.iter().for_each(|c| group.add(c.clone()));
        match disk.commit(&group) {
            Ok(()) => group = Group::default(),
            Err(_) => {
                failures += 1;
                group.may_be_stored();
            }
        }
    }
    while !group.is_empty() {
        match disk.commit(&group) {
            Ok(()) => break,
            Err(_) => {
                failures += 1;
                group.may_be_stored();
            }
        }
    }
    failures
}

#[test]
fn after_any_failure_the_store_goes_on_and_holds_what_it_should() {
    for what in [What::Fails, What::Short, What::SyncFails, What::Full] {
        let script = script(7, 10);
        let last = &script[script.len() - 1].1;
        let mut failures = 0;
        for from in 1.. {
            let medium = Medium::default();
            let (mut disk, _) = open(&medium);
            let from = medium.steps() + from;
            let times = 1 + from % 9;
            medium.set_fault(Some(Fault { what, from, times }));
            failures += commit_all(&mut disk, &script);
            let is_over = medium.steps() < from;
            medium.set_fault(None);
            drop(disk);
            assert_eq!(&open(&medium).1, last, "{what:?} at {from}");
            if is_over {
                break;
            }
        }
        assert!(failures > 4, "{what:?}: {failures}");
    }
}

#[test]
fn a_file_with_wrong_bytes_is_set_aside_and_the_broker_goes_on() {
    let folder = std::env::temp_dir().join(format!("ws-broker-damaged-{}", std::process::id()));
    let medium = Medium::default();
    let (mut disk, _) = open(&medium);
    for (changes, _) in script(1, 20) {
        disk.commit(&group(&changes)).unwrap();
    }
    drop(disk);
    let mut rng = Rng::with_seed(1);
    let mut set_aside = 0;
    for _ in 0..60 {
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ws-broker.db"), medium.damaged(&mut rng)).unwrap();
        let opened = super::open(&folder, "ws-broker.db", NOW).unwrap();
        if let Some((aside, _)) = opened.set_aside {
            set_aside += 1;
            assert!(aside.metadata().unwrap().len() > 0);
        }
        // What could be read is in the new one, which works.
        let read = Model::of(&opened.loaded);
        let mut store = opened.store;
        store
            .commit(&group(&[Change::Removed(TopicName::new("no").unwrap())]))
            .unwrap();
        drop(store);
        let again = super::open(&folder, "ws-broker.db", NOW).unwrap();
        assert!(again.set_aside.is_none());
        assert_eq!(Model::of(&again.loaded), read);
    }
    std::fs::remove_dir_all(&folder).ok();
    assert!(set_aside > 10, "{set_aside}");
}

#[test]
fn a_store_that_was_large_is_small_again_when_it_has_been_tidied_up() {
    let medium = Medium::default();
    let (mut disk, _) = open(&medium);
    let id = SessionId(1);
    disk.commit(&group(&[Change::Session(id, record("one"))]))
        .unwrap();
    let text = "x".repeat(1000);
    let queued = (0..20_000)
        .map(|n| Change::Queued(id, n, Delivery::new(message("t", &text), QoS::AtLeastOnce)));
    disk.commit(&group(&queued.collect::<Vec<_>>())).unwrap();
    let done = (0..19_900).map(|n| Change::Done(id, n));
    disk.commit(&group(&done.collect::<Vec<_>>())).unwrap();
    let large = disk::Medium::size(&medium);
    disk.tidy();
    let small = disk::Medium::size(&medium);
    assert!(small < 1 << 20 && large > 16 << 20, "{large}, {small}");
    drop(disk);
    assert_eq!(open(&medium).1.deliveries(), 100);
}

#[test]
fn a_store_of_an_older_format_is_read_and_is_one_of_this_format_from_then_on() {
    let medium = Medium::default();
    let (mut disk, _) = open(&medium);
    let retained = Change::Retained(Retained {
        message: message("t", "x"),
        qos: QoS::AtLeastOnce,
        source: None,
    });
    let session = Change::Session(SessionId(1), record("c"));
    disk.commit(&group(&[retained, session])).unwrap();
    drop(disk);
    let format = |new: Option<u64>| {
        let database = disk::Medium::open(&medium).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut meta = transaction.open_table(META).unwrap();
        if let Some(new) = new {
            meta.insert("format", new).unwrap();
        }
        let found = meta.get("format").unwrap().unwrap().value();
        drop(meta);
        transaction.commit().unwrap();
        found
    };
    for older in 1..FORMAT {
        format(Some(older));
        let (_, read) = read(&medium, NOW).map_err(|_| ()).unwrap();
        assert_eq!(read.loaded.retained.len(), 1);
        assert_eq!(read.loaded.sessions.len(), 1);
        assert!(read.damage.is_none(), "{:?}", read.damage);
        assert_eq!(format(None), FORMAT);
    }
}

#[test]
fn a_store_of_a_newer_format_is_left_alone_and_one_in_use_too() {
    let folder = std::env::temp_dir().join(format!("ws-broker-newer-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    let opened = super::open(&folder, "ws-broker.db", NOW).unwrap();
    let in_use = super::open(&folder, "ws-broker.db", NOW)
        .map(drop)
        .unwrap_err();
    assert!(matches!(in_use, OpenError::InUse { .. }), "{in_use}");
    let file = opened.file;
    drop(opened.store);
    let database = builder().create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(META)
        .unwrap()
        .insert("format", FORMAT + 1)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let newer = super::open(&folder, "ws-broker.db", NOW)
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(newer, OpenError::Newer { found, .. } if found == FORMAT + 1),
        "{newer}"
    );
    let found = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(found, 1, "nothing was set aside");
    std::fs::remove_dir_all(&folder).ok();
}

#[test]
fn what_has_expired_is_not_read_and_what_was_sent_does_not_expire() {
    let medium = Medium::default();
    let (mut disk, _) = open(&medium);
    let id = SessionId(1);
    let mut old = Message::clone(&message("old", "x"));
    old.expires_at = Some(Time::from_millis(NOW.as_millis() - 1));
    let old = std::sync::Arc::new(old);
    let delivery = Delivery::new(old.clone(), QoS::ExactlyOnce);
    let changes = [
        Change::Session(id, record("one")),
        Change::Queued(id, 1, delivery.clone()),
        Change::Sent(id, 1, Sent::Published(PacketId::MIN)),
        Change::Queued(id, 2, delivery),
        Change::Retained(Retained {
            message: old,
            qos: QoS::AtLeastOnce,
            source: None,
        }),
    ];
    disk.commit(&group(&changes)).unwrap();
    drop(disk);
    let (database, read) = read(&medium, NOW).map_err(|_| ()).unwrap();
    let session = &read.loaded.sessions[0];
    assert_eq!((session.queue.len(), session.sent.len()), (0, 1));
    assert!(read.loaded.retained.is_empty());
    let mut disk = Disk::new(Box::new(medium.clone()), Some(database), read.messages);
    disk.commit(&group(&read.loaded.expired)).unwrap();
    drop(disk);
    assert_eq!(open(&medium).1.deliveries(), 1);
}
