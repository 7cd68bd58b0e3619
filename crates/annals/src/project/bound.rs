//! A read model's own code with the connections of a database server: what is alike in all of them.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use crate::backend::BoxFuture;
use crate::error::Result;

use super::session::{Answer, Database, Desk, Dialect, Model, Session, Sql};

/// A server, to which connecting is left to the first use of a connection.
pub(crate) trait Connect: Send + Sync + fmt::Debug + 'static {
    type Link: Session + 'static;

    fn dialect(&self) -> &Dialect;

    fn link(&self) -> Self::Link;
}

impl<S: Connect> Desk for S {
    fn dialect(&self) -> &Dialect {
        Connect::dialect(self)
    }

    fn session(&self) -> BoxFuture<'_, Result<Box<dyn Session>>> {
        Box::pin(ready(Ok(Box::new(self.link()) as Box<dyn Session>)))
    }
}

/// A read model on a server.
pub(crate) struct Source<S, P> {
    pub(crate) server: Arc<S>,
    pub(crate) projection: P,
}

impl<S: Connect, P: Clone + Send + Sync + 'static> Database for Source<S, P>
where
    Bound<S::Link, P>: Model,
{
    fn desk(&self) -> Arc<dyn Desk> {
        self.server.clone()
    }

    fn open(&self) -> BoxFuture<'_, Result<Box<dyn Model>>> {
        let (link, dialect) = (self.server.link(), Connect::dialect(&*self.server).clone());
        let bound = Bound { link, dialect, projection: self.projection.clone() };
        Box::pin(ready(Ok(Box::new(bound) as Box<dyn Model>)))
    }
}

impl<S: fmt::Debug, P> fmt::Debug for Source<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A connection with a read model.
pub(crate) struct Bound<L, P> {
    pub(crate) link: L,
    pub(crate) dialect: Dialect,
    pub(crate) projection: P,
}

impl<L: Session, P: Send> Session for Bound<L, P> {
    fn run(&mut self, statements: Vec<Sql>) -> BoxFuture<'_, Result<Vec<Answer>>> {
        self.link.run(statements)
    }
}
