//! Records to columns and back, and one path of a nested column.

use dbcache::Record;
use dbcache::polars::prelude::{ChunkAgg, DataFrame};

use super::storage::cold;
use crate::baselines::by_hand;
use crate::case::{Case, Outcome, Target};
use crate::ground::Ground;
use crate::measure::{Contender, Result, Round, in_turn};
use crate::people::{self, Person};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "to_frame",
        about: "1 million records of 10 columns to a frame",
        targets: &[
            Target { name: "records_to_frame", at_most: 1.3, of: "column builders written by hand" },
            Target { name: "records_to_frame_serde_arrow", at_most: 0.5, of: "serde_arrow and conversion" },
        ],
        run: to_frame,
    },
    Case {
        name: "from_frame",
        about: "a frame of 1 million rows to records of 10 columns",
        targets: &[Target { name: "frame_to_records", at_most: 1.3, of: "a loop written by hand" }],
        run: from_frame,
    },
    Case {
        name: "nested_path",
        about: "new process: one path of the nested documents of 1 million rows",
        targets: &[Target { name: "nested_path_cold", at_most: 0.2, of: "reading JSON text and parsing it" }],
        run: nested_path,
    },
];

fn to_frame(ground: &Ground) -> Result<Outcome> {
    let people = people::people(ground.people().rows);
    let digest = |frame: &DataFrame| Ok(frame.column("visits")?.i64()?.sum().unwrap_or_default());
    let contenders = vec![
        Contender::new("dbcache", |_| Round::of(|| Ok(Person::to_frame(&people)?), digest)),
        Contender::new("by hand", |_| Round::of(|| Ok(by_hand::to_frame(&people)?), digest)),
        #[cfg(feature = "all-peers")]
        {
            let tracing = crate::baselines::serde_arrow::Tracing::new()?;
            let people = &people;
            Contender::new("serde_arrow", move |_| Round::of(|| tracing.to_frame(people), digest))
        },
    ];
    let outcome = Outcome::new(in_turn(contenders, ground.pace)?);
    Ok(outcome.against("records_to_frame", "by hand").against("records_to_frame_serde_arrow", "serde_arrow"))
}

fn from_frame(ground: &Ground) -> Result<Outcome> {
    let frame = Person::to_frame(&people::people(ground.people().rows))?;
    let digest = |people: &Vec<Person>| Ok(people.iter().map(|person| person.visits).sum());
    let ours = || Person::from_frame(&frame).map_err(|error| format!("{error:?}").into());
    let contenders = vec![
        Contender::new("dbcache", |_| Round::of(ours, digest)),
        Contender::new("by hand", |_| Round::of(|| by_hand::from_frame(&frame), digest)),
    ];
    Ok(Outcome::new(in_turn(contenders, ground.pace)?).against("frame_to_records", "by hand"))
}

fn nested_path(ground: &Ground) -> Result<Outcome> {
    let people = ground.people();
    let rows = people.rows;
    let contenders = vec![
        cold("dbcache", "nested-path", people.cache()?, move |_| vec![rows]),
        cold("text and serde_json", "nested-path-text", people.parquet()?, |_| Vec::new()),
    ];
    let samples = in_turn(contenders, ground.pace.cold())?;
    Ok(Outcome::new(samples).against("nested_path_cold", "text and serde_json"))
}
