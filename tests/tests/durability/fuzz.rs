//! The inputs that fuzzing found or began with, as they are and changed at random.

use std::path::{Path, PathBuf};

use dbcache_tests::counts::{count, report};
use dbcache_tests::fuzz::TARGETS;
use dbcache_tests::versioned::Random;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).expect("a file")).collect()
}

/// An input made of one or two others.
fn changed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.place(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let place = random.place(input.len() + 1);
        match random.below(6) {
            0 => input.truncate(place),
            1 => input.insert(place, random.number().to_le_bytes()[0]),
            2 if place < input.len() => drop(input.remove(place)),
            3 => {
                let other = &corpus[random.place(corpus.len())];
                let from = random.place(other.len() + 1);
                input.splice(place.., other[from..].iter().copied());
            }
            _ => {
                if let Some(byte) = input.get_mut(place) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    input
}

#[test]
fn stored_inputs_and_changes_of_them_do_no_harm() {
    let inputs = count("DBCACHE_FUZZ_INPUTS", 400, 200_000);
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        corpus.iter().for_each(|input| target(input));
        let mut random = Random::new(5);
        let mut last = Vec::new();
        for place in 0..inputs {
            last = changed(&corpus, &mut random);
            let outcome = std::panic::catch_unwind(|| target(&last));
            if outcome.is_err() {
                let kept = std::env::temp_dir().join(format!("dbcache-fuzz-{name}-{place}"));
                std::fs::write(&kept, &last).expect("a file");
                panic!("{name}: the input is kept as {}", kept.display());
            }
        }
        assert!(inputs == 0 || !corpus.is_empty(), "{last:?}");
        report("fuzz", format!("{name}: {} stored inputs, {inputs} changed ones, 0 failures", corpus.len()));
    }
}
