//! `schema_lock!(Bank, Order => "events.lock.json")`: a test that compares events with their lock file.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Result, Token, Type};

pub(crate) struct SchemaLock {
    types: Vec<Type>,
    file: LitStr,
}

impl Parse for SchemaLock {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut types = vec![input.parse()?];
        while input.parse::<Option<Token![,]>>()?.is_some() {
            if input.peek(Token![=>]) {
                break;
            }
            types.push(input.parse()?);
        }
        input.parse::<Token![=>]>()?;
        let file = input.parse()?;
        input.parse::<Option<Token![;]>>()?;
        Ok(Self { types, file })
    }
}

pub(crate) fn test(lock: &SchemaLock) -> TokenStream {
    let SchemaLock { types, file } = lock;
    // The test is the user's own, so it may read the environment, which the library does not.
    quote! {
        #[test]
        fn the_events_are_as_their_lock_file_says() {
            let mut code = ::annals::evolution::CodeSchemas::default();
            #(code.add::<#types>();)*
            let file = ::std::path::Path::new(::std::env!("CARGO_MANIFEST_DIR")).join(#file);
            let update = ::std::env::var_os("ANNALS_UPDATE_LOCK").is_some_and(|value| value == "1");
            if let ::std::result::Result::Err(error) = code.compare_with_file(&file, update) {
                ::std::panic!("{error}");
            }
        }
    }
}
