//! The contract, rule by rule: this is all it takes.

use super::*;
use annals::testing::conformance::Harness;

/// Stores by their names; they live as long as the test.
#[derive(Default)]
struct Lists(Mutex<HashMap<String, ListStore>>);

impl Harness for Lists {
    fn fresh(&self) -> String {
        EventId::new().to_string()
    }

    fn open<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<dyn Backend>>> {
        let mut lists = self.0.lock().unwrap();
        let new = || ListStore::new().unwrap();
        ready(Ok(Arc::new(lists.entry(name.to_owned()).or_insert_with(new).clone())))
    }

    fn is_shared(&self) -> bool {
        false
    }
}

annals::conformance!(list, Lists::default());
