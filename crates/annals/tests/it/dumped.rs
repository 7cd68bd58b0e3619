//! A store that the database's own tools have dumped and restored into another server (rule 9).

use annals::prelude::*;
use annals::{Appended, Checkpoint, Delivery, ErrorKind, NewEvent, Position};

/// What is in the dump, and what came after it.
pub(crate) struct Dumped {
    original: EventStore,
    kept: Checkpoint,
    later: Option<Appended>,
}

fn noted(n: u64) -> NewEvent {
    NewEvent::json("noted", &n).unwrap().tagged("a:1".parse().unwrap())
}

impl Dumped {
    /// Fills a store that has a hash chain.
    pub(crate) async fn fill(original: EventStore) -> Self {
        for n in 0..40 {
            original.append(format!("s-{}", n % 3).as_str(), Expected::Any, [noted(n)]).await.unwrap();
        }
        let kept = original.checkpoint_at(Position(30));
        original.save_checkpoint("p", None, &kept).await.unwrap();
        Self { original, kept, later: None }
    }

    /// The dump has been taken.
    pub(crate) async fn go_on(&mut self) {
        self.later = Some(self.original.append("s-0", Expected::Any, [noted(40)]).await.unwrap());
    }

    /// Another server holds the same store, which goes on where the dump was taken.
    pub(crate) async fn check(self, restored: &EventStore) {
        let Self { original, kept, later } = self;
        assert_eq!(restored.store_id(), original.store_id());
        let events = original.read_all().collect().await.unwrap();
        assert_eq!(restored.read_all().collect().await.unwrap(), events[..40]);
        assert_eq!(restored.load_checkpoint("p").await.unwrap(), Some(kept.clone()));
        // A reader that was ahead of the dump is told so, and one that was not goes on.
        let ahead = Start::After(later.unwrap().checkpoint);
        let ahead = restored.subscribe(Query::all(), ahead).await.unwrap_err();
        assert!(
            ahead.kind() == ErrorKind::Invalid && ahead.to_string().contains("ahead of the log"),
            "{ahead}"
        );
        let mut resumed = restored.subscribe(Query::all(), Start::After(kept)).await.unwrap();
        let Delivery::Event(event, _) = resumed.next().await.unwrap() else { panic!("no event") };
        assert_eq!(event.position, Position(31));
        let appended = restored.append("s-0", Expected::Any, [noted(41)]).await.unwrap();
        assert_eq!(appended.first_position, Position(41));
        let report = restored.verify_chain(|_| ()).await.unwrap();
        assert_eq!((report.events, report.broken), (41, None));
        for attempt in restored.backend().attempt_rewrites().await.unwrap() {
            assert!(attempt.refusal.is_some(), "{}", attempt.statement);
        }
    }
}
