//! `#[derive(Event)]` and `#[fingerprint]`. See `annals::Event` and `annals::snapshot` for what they are used for.

mod attributes;
mod event;
mod fingerprint;
mod template;

use proc_macro::TokenStream;

/// Implements `annals::Event` for an enum of business facts, or for a struct that is one.
///
/// On the type:
/// * `#[event(stream = "account-{account}")]` names the stream from the event's fields;
/// * `#[event(prefix = "io.example.bank.")]` stands before every stored name.
///
/// On a variant, or on a struct:
/// * stored name: the identifier in kebab-case, or `#[event(rename = "account-opened")]`;
/// * `#[event(schema_version = 2)]`, 1 unless given;
/// * `#[event(alias = "opened")]`: a name under which it was stored before;
/// * `#[event(upcast(1 = function))]`: reads schema version 1 through `fn(Old) -> Event` or
///   `fn(Old) -> Vec<Event>`, where `Old` is any type that deserialises from the old payload;
/// * `#[event(flatten)]` on a variant with one unnamed field: the events of that field's type.
///
/// On a field: `#[event(tag)]` adds the tag `field:value`, `#[event(tag = "name")]` the tag `name:value`.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    event::derive(&input).unwrap_or_else(|error| error.to_compile_error()).into()
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
