//! What the backends on SQL servers share: the calls of a backend, deciding a batch from what its transaction
//! has looked up, and the text of a query for events. What differs between them (types, locks, how rows travel)
//! is in their folders.

#[cfg(any(feature = "mysql", feature = "sqlserver"))]
mod attempt;
mod batch;
mod optimist;
mod pool;
mod positions;
mod server;
mod store;
#[cfg(any(feature = "mysql", feature = "sqlserver"))]
mod wake;

#[cfg(any(feature = "mysql", feature = "sqlserver"))]
pub(crate) use self::attempt::{Attempts, Ids, versions};
pub(crate) use self::batch::{Found, Identity, Refusal, Row, Tail, Wanted, gone};
pub(crate) use self::optimist::Optimist;
#[cfg(feature = "mysql")]
pub(crate) use self::optimist::Placed;
pub(crate) use self::pool::{Link, Pool, in_time};
pub(crate) use self::positions::{Dialect, Parameter, Positions};
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use self::server::is_distrusted;
pub(crate) use self::server::{Server, Tls};
pub(crate) use self::store::{Database, apart, backend};
#[cfg(any(feature = "mysql", feature = "sqlserver"))]
pub(crate) use self::wake::{POLL, Wake};
