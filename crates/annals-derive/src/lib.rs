//! `#[derive(Event)]`. See `annals::Event` for what it is used for.

mod attributes;
mod event;
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
