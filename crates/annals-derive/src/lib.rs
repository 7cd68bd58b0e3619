//! `#[derive(Event)]` and `#[fingerprint]`. See `annals::Event` and `annals::snapshot` for what they are used for.

mod attributes;
mod event;
mod fingerprint;
#[cfg(feature = "schema")]
mod lock;
mod schema;
mod template;

use proc_macro::TokenStream;

/// Implements `annals::Event` for an enum of business facts, or for a struct that is one.
///
/// On the type:
/// * `#[event(stream = "account-{account}")]` names the stream from the event's fields;
/// * `#[event(prefix = "io.example.bank.")]` stands before every stored name;
/// * `#[event(retired = "account-frozen")]`: a stored name whose events mean nothing any more; they are read as
///   no events at all, where unknown ones could be an error;
/// * `#[event(schema)]`: the JSON Schemas of the payloads, for `annals::schema_lock!`. Needs the feature `schema`,
///   and `schemars::JsonSchema` on the types of the fields, on what upcasts take, and on a struct itself.
///
/// On a variant, or on a struct:
/// * stored name: the identifier in kebab-case, or `#[event(rename = "account-opened")]`;
/// * `#[event(schema_version = 2)]`, 1 unless given;
/// * `#[event(alias = "opened")]`: a name under which it was stored before;
/// * `#[event(upcast(1 = function))]`: reads schema version 1 through `fn(Old) -> Event`, `Option<Event>` or
///   `Vec<Event>`, where `Old` is any type that deserialises from the old payload, `serde_json::Value` included;
/// * `#[event(upcast(1 -> 2 = step, 2 = function))]`: version 1 through `step`, which makes what `function` takes,
///   one, none or several. The payload is parsed once, however long the chain;
/// * `#[event(flatten)]` on a variant with one unnamed field: the events of that field's type.
///
/// On a field: `#[event(tag)]` adds the tag `field:value`, `#[event(tag = "name")]` the tag `name:value`.
#[proc_macro_derive(Event, attributes(event, schemars))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    event::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// A test that compares events with the lock file in which every shape they ever had is kept, and fails when one
/// of those can no longer be read. Stands where tests stand; the file is beside the crate's `Cargo.toml`.
///
/// ```text
/// #[cfg(test)]
/// mod lock {
///     annals::schema_lock!(crate::Bank, crate::Order => "events.lock.json");
/// }
/// ```
///
/// With `ANNALS_UPDATE_LOCK=1` in the environment it writes what is new, where that breaks nothing.
#[cfg(feature = "schema")]
#[proc_macro]
pub fn schema_lock(input: TokenStream) -> TokenStream {
    lock::test(&syn::parse_macro_input!(input as lock::SchemaLock)).into()
}

/// Takes a fingerprint of a fold, so that snapshots know when it has changed.
///
/// On `impl State for …` it writes the constant `FINGERPRINT` of `annals::State`: a number made of the
/// implementation's tokens. Comments, layout, documentation and derives do not count; everything else does.
/// Stored with each snapshot, it keeps what an older fold made from being loaded.
///
/// On the struct or enum of the state, or of its events, it adds their tokens to the fingerprint of every
/// annotated fold over them: a changed field, an attribute of serde, another upcast.
///
/// It does not see into functions that `evolve` calls, nor into other types. Where one of those changes, raise
/// `SnapshotState::VERSION`.
#[proc_macro_attribute]
pub fn fingerprint(arguments: TokenStream, item: TokenStream) -> TokenStream {
    fingerprint::expand(arguments.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}
