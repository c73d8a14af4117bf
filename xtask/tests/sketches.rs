//! An Arduino sketch can use no file outside its folder, so the sketches carry
//! copies of two files; this keeps them copies.

use std::fs;
use std::path::Path;

#[test]
fn every_sketch_has_the_same_config_and_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../devices/nodemcu");
    let read = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut sketches = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let sketch = entry.unwrap().path();
        let name = sketch.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            sketch.join(format!("{name}.ino")).is_file(),
            "the Arduino IDE opens {name} only when it holds {name}.ino"
        );
        for shared in ["config.h", "connection.h"] {
            let first = folder.join("led_subscriber").join(shared);
            assert_eq!(
                read(&first),
                read(&sketch.join(shared)),
                "{shared} of led_subscriber and of {name} differ"
            );
        }
        sketches += 1;
    }
    assert_eq!(sketches, 5);
}
