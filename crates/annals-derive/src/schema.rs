//! The JSON Schemas of what a type reads: each payload of today, and what each upcast takes.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Result, Variant};

use crate::event::{Case, kind_of};

pub(crate) fn implementation(input: &DeriveInput, cases: &[Case<'_>], at: Span) -> Result<TokenStream> {
    if !cfg!(feature = "schema") {
        return Err(Error::new(at, "`schema` needs the feature `schema` of annals"));
    }
    if !input.generics.params.is_empty() {
        return Err(Error::new(at, "a type with parameters has no one JSON Schema"));
    }
    let ident = &input.ident;
    let derived = quote!(::annals::evolution::derived);
    let mut parts = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        if let (Some(_), Some(inner)) = (case.kind.flatten, case.inner) {
            parts.push(quote!(schemas.extend(<#inner as ::annals::evolution::EventSchemas>::schemas());));
            continue;
        }
        let (item, current) = match &input.data {
            Data::Enum(data) => {
                (payload(input, &data.variants[index]), quote!(#derived::variant_schema::<Payload>()))
            }
            _ => (TokenStream::new(), quote!(#derived::schema::<#ident>())),
        };
        let kind = kind_of(case);
        let upcasts = case.kind.upcasts.iter().map(|upcast| {
            let (from, function) = (&upcast.from, &upcast.function);
            quote!((#from, #derived::input_schema(#function)))
        });
        parts.push(quote! {{
            #item
            schemas.push(::annals::evolution::TypeSchemas::new(#kind, #current, [#(#upcasts),*]));
        }});
    }
    Ok(quote! {
        #[automatically_derived]
        impl ::annals::evolution::EventSchemas for #ident {
            fn schemas() -> ::std::vec::Vec<::annals::evolution::TypeSchemas> {
                let mut schemas = ::std::vec::Vec::new();
                #(#parts)*
                schemas
            }
        }
    })
}

/// An enum of this one variant, with all that serde is told about it: what a name becomes is then for
/// `schemars` to say, and the event's type itself need not have a schema.
fn payload(input: &DeriveInput, variant: &Variant) -> TokenStream {
    let of_serde = |attributes: &[Attribute]| -> Vec<Attribute> {
        let concerns = |a: &&Attribute| a.path().is_ident("serde") || a.path().is_ident("schemars");
        attributes.iter().filter(concerns).cloned().collect()
    };
    let mut variant = variant.clone();
    variant.attrs = of_serde(&variant.attrs);
    variant.discriminant = None;
    for field in &mut variant.fields {
        field.attrs = of_serde(&field.attrs);
    }
    let attributes = of_serde(&input.attrs);
    quote! {
        #[derive(::annals::schemars::JsonSchema)]
        #[schemars(crate = "::annals::schemars")]
        #(#attributes)*
        #[allow(dead_code)]
        enum Payload { #variant }
    }
}
