//! The spans of requests and batches.

use std::sync::{Arc, Mutex};

use dbcache_tests::Database;
use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::Folder;

/// A span's name, and its parent's number.
type Span = (&'static str, Option<u64>);

/// Remembers all spans.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("dbcache")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        spans.push((span.metadata().name(), span.parent().map(Id::into_u64)));
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_request_is_a_span_with_one_for_each_batch() {
    let folder = Folder::new();
    let database = Database::with_rows((0..=250).map(|id| json!({ "id": id, "name": "x" })));
    let ids: Vec<i64> = (1..=250).collect();
    let users = folder.users();
    // What a thread without a subscriber is the first to reach, as those of other tests are, stays off until a subscriber
    // is made later. So everything is reached once before ours is made.
    users.select(["name"]).unwrap().frame(&[0], &database).unwrap();
    let query = users.select(["name"]).unwrap().concurrency(2);
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || query.frame(&ids, &database).unwrap());
    let of_request = Some(1);
    let expected = [("request", None), ("batch", of_request), ("batch", of_request), ("batch", of_request)];
    assert_eq!(*spans.0.lock().unwrap(), expected);
}
