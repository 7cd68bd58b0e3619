//! The implementation of `Event` for an enum or a struct.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result};

use crate::attributes::{Container, Kind, tag_name};
use crate::schema;

/// One kind of event: a variant, or the struct itself.
pub(crate) struct Case<'a> {
    ident: &'a Ident,
    pub(crate) kind: Kind,
    /// A pattern that binds the fields.
    pattern: TokenStream,
    stored_name: String,
    stream: TokenStream,
    tags: Vec<TokenStream>,
    pub(crate) inner: Option<&'a syn::Type>,
    /// The variant's index as serde counts; `None` for a struct.
    index: Option<u32>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let container;
    let cases = match &input.data {
        Data::Enum(data) => {
            container = Container::parse(&input.attrs, None)?;
            if data.variants.is_empty() {
                return Err(Error::new(input.span(), "an enum of events needs at least one event"));
            }
            let mut cases = Vec::new();
            let mut index = 0;
            for variant in &data.variants {
                let kind = Kind::parse(&variant.attrs)?;
                let ident = &variant.ident;
                cases.push(case(
                    ident,
                    quote!(Self::#ident),
                    &variant.fields,
                    kind,
                    &container,
                    Some(index),
                )?);
                if !is_skipped_by_serde(&variant.attrs) {
                    index += 1;
                }
            }
            cases
        }
        Data::Struct(data) => {
            let mut kind = Kind::default();
            container = Container::parse(&input.attrs, Some(&mut kind))?;
            kind.stream.clone_from(&container.stream);
            vec![case(&input.ident, quote!(Self), &data.fields, kind, &container, None)?]
        }
        Data::Union(_) => return Err(Error::new(input.span(), "a union is not an event")),
    };
    unique_names(&cases, &container)?;
    let mut tokens = implementation(input, &cases, &container)?;
    if let Some(span) = container.schema {
        tokens.extend(schema::implementation(input, &cases, span)?);
    }
    Ok(tokens)
}

fn case<'a>(
    ident: &'a Ident,
    path: TokenStream,
    fields: &'a Fields,
    kind: Kind,
    container: &Container,
    index: Option<u32>,
) -> Result<Case<'a>> {
    let mut bindings = Vec::new();
    let mut tags = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let name = field.ident.as_ref().map_or_else(|| i.to_string(), ToString::to_string);
        let name = name.trim_start_matches("r#").to_owned();
        let variable = format_ident!("__{}", name);
        if let Some(tag) = tag_name(field, &name)? {
            let format = format!("{}:{{}}", tag.replace('{', "{{").replace('}', "}}"));
            tags.push(quote!(::annals::Tag::new(::std::format!(#format, #variable))?));
        }
        bindings.push((name, variable));
    }
    let variables = bindings.iter().map(|(_, variable)| variable);
    let pattern = match fields {
        Fields::Named(named) => {
            let names = named.named.iter().map(|field| &field.ident);
            quote!(#path { #(#names: #variables),* })
        }
        Fields::Unnamed(_) => quote!(#path(#(#variables),*)),
        Fields::Unit => path,
    };
    let inner = match fields {
        Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => Some(&unnamed.unnamed[0].ty),
        Fields::Unnamed(_) => {
            return Err(Error::new(
                fields.span(),
                "an event's fields have names: use `Name { field: Type }`, or one struct inside: `Name(Type)`",
            ));
        }
        _ => None,
    };
    if let (Some(span), None) = (kind.flatten, inner) {
        return Err(Error::new(
            span,
            "`flatten` needs a variant with the other events' type inside: `Name(Type)`",
        ));
    }
    if kind.flatten.is_none() {
        kind.check_upcasts(ident.span())?;
    }
    let stream = match kind.stream.as_ref().or(container.stream.as_ref()) {
        Some(template) if kind.flatten.is_none() => {
            let text = template.expand(ident, &bindings)?;
            quote!(::annals::StreamId::new(#text).map(::std::option::Option::Some))
        }
        _ => quote!(::std::result::Result::Ok(::std::option::Option::None)),
    };
    let name = kind.rename.as_ref().map_or_else(|| kebab_case(ident), syn::LitStr::value);
    let stored_name = format!("{}{name}", container.prefix.as_deref().unwrap_or_default());
    if stored_name.len() > 255 || stored_name.is_empty() || stored_name.chars().any(char::is_control) {
        return Err(Error::new(ident.span(), "a stored name has 1 to 255 bytes and no control characters"));
    }
    Ok(Case { ident, kind, pattern, stored_name, stream, tags, inner, index })
}

fn unique_names(cases: &[Case<'_>], container: &Container) -> Result<()> {
    let mut names: Vec<(String, &Ident)> = Vec::new();
    for case in cases.iter().filter(|case| case.kind.flatten.is_none()) {
        let aliases = case.kind.aliases.iter().map(syn::LitStr::value);
        for name in std::iter::once(case.stored_name.clone()).chain(aliases) {
            if let Some((_, other)) = names.iter().find(|(known, _)| *known == name) {
                return Err(Error::new(
                    case.ident.span(),
                    format!("`{other}` and `{}` are both stored as \"{name}\"", case.ident),
                ));
            }
            names.push((name, case.ident));
        }
    }
    for retired in &container.retired {
        if let Some((_, ident)) = names.iter().find(|(name, _)| *name == retired.value()) {
            let message = format!("`{ident}` is stored as \"{}\", so it is not retired", retired.value());
            return Err(Error::new(retired.span(), message));
        }
    }
    Ok(())
}

fn implementation(input: &DeriveInput, cases: &[Case<'_>], container: &Container) -> Result<TokenStream> {
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let derived = quote!(::annals::codec::derived);

    let kinds = cases.iter().map(|case| match (case.kind.flatten, case.inner) {
        (Some(_), Some(inner)) => quote!(kinds.extend(<#inner as ::annals::Event>::kinds());),
        _ => {
            let kind = kind_of(case);
            quote!(kinds.push(#kind);)
        }
    });
    let arms = |flattened: &dyn Fn(&syn::Type) -> TokenStream, own: &dyn Fn(&Case<'_>) -> TokenStream| {
        let arms = cases.iter().map(|case| {
            let pattern = &case.pattern;
            let value = match (case.kind.flatten, case.inner) {
                (Some(_), Some(inner)) => flattened(inner),
                _ => own(case),
            };
            quote!(#[allow(unused_variables)] #pattern => #value)
        });
        quote!(match self { #(#arms,)* })
    };
    let kind = arms(&|inner| quote!(<#inner as ::annals::Event>::kind(__0)), &kind_of);
    let stream_id =
        arms(&|inner| quote!(<#inner as ::annals::Event>::stream_id(__0)), &|case| case.stream.clone());
    let tags = arms(&|inner| quote!(<#inner as ::annals::Event>::tags(__0)), &|case| {
        let tags = &case.tags;
        quote!(::std::result::Result::Ok(::std::vec![#(#tags),*]))
    });
    let encode = arms(&|inner| quote!(<#inner as ::annals::Event>::encode(__0)), &|case| match case.index {
        Some(_) => quote!(#derived::encode_variant(self)),
        None => quote!(#derived::encode(self)),
    });
    let decode = cases.iter().map(|case| decode(case, &derived)).collect::<Result<Vec<_>>>()?;
    let retired = &container.retired;
    let inner_retired = cases.iter().filter_map(|case| {
        let inner = case.kind.flatten.and(case.inner)?;
        Some(quote!(retired.extend(<#inner as ::annals::Event>::retired());))
    });
    let decode_retired = (!retired.is_empty()).then(|| {
        quote! {
            if let #(#retired)|* = event.event_type.as_str() {
                return ::std::result::Result::Ok(::annals::Decoded::Many(::std::vec::Vec::new()));
            }
        }
    });

    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::annals::Event for #ident #type_generics #where_clause {
            fn kinds() -> ::std::vec::Vec<::annals::EventKind> {
                let mut kinds = ::std::vec::Vec::new();
                #(#kinds)*
                kinds
            }

            #[allow(unused_mut)]
            fn retired() -> ::std::vec::Vec<&'static str> {
                let mut retired = ::std::vec![#(#retired),*];
                #(#inner_retired)*
                retired
            }

            fn kind(&self) -> ::annals::EventKind {
                #kind
            }

            fn stream_id(&self) -> ::annals::Result<::std::option::Option<::annals::StreamId>> {
                #stream_id
            }

            fn tags(&self) -> ::annals::Result<::std::vec::Vec<::annals::Tag>> {
                #tags
            }

            fn encode(&self) -> ::annals::Result<::annals::Payload> {
                #encode
            }

            fn decode(event: &::annals::RecordedEvent) -> ::annals::Result<::annals::Decoded<Self>> {
                #(#decode)*
                #decode_retired
                ::std::result::Result::Ok(::annals::Decoded::Unknown)
            }
        }
    })
}

pub(crate) fn kind_of(case: &Case<'_>) -> TokenStream {
    let name = &case.stored_name;
    let version = case.kind.version().unwrap_or(1);
    let aliases = &case.kind.aliases;
    quote!(::annals::EventKind { event_type: #name, schema_version: #version, aliases: &[#(#aliases),*] })
}

fn decode(case: &Case<'_>, derived: &TokenStream) -> Result<TokenStream> {
    let ident = case.ident;
    if let (Some(_), Some(inner)) = (case.kind.flatten, case.inner) {
        return Ok(quote! {
            match <#inner as ::annals::Event>::decode(event)? {
                ::annals::Decoded::Unknown => {}
                decoded => return ::std::result::Result::Ok(decoded.map(Self::#ident)),
            }
        });
    }
    let name = &case.stored_name;
    let aliases = &case.kind.aliases;
    let version = case.kind.version().unwrap_or(1);
    let current = match case.index {
        Some(index) => quote!(#derived::decode_variant(event, #index)),
        None => quote!(#derived::decode(event)),
    };
    let mut upcasts = Vec::new();
    for upcast in &case.kind.upcasts {
        let (from, function) = (&upcast.from, &upcast.function);
        let mut value = quote!(#derived::upcast(event, #function));
        for step in case.kind.chain(upcast)?.into_iter().skip(1) {
            value = quote!(#value.map(|before| #derived::then(before, #step)));
        }
        upcasts.push(quote!(#from => #value,));
    }
    Ok(quote! {
        if let #name #(| #aliases)* = event.event_type.as_str() {
            return match event.schema_version {
                #version => #current.map(::annals::Decoded::One),
                #(#upcasts)*
                _ => #derived::unknown_version(event, #version),
            };
        }
    })
}

fn is_skipped_by_serde(attributes: &[Attribute]) -> bool {
    let mut skipped = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What is not understood here is serde's to refuse.
        let _ = attribute.parse_nested_meta(|meta| {
            skipped |= meta.path.is_ident("skip") || meta.path.is_ident("skip_deserializing");
            // What belongs to another attribute is passed over to come to the next.
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                inside.parse::<TokenStream>()?;
            }
            Ok(())
        });
    }
    skipped
}

/// `OrderPlaced` as `order-placed`, `HTTPCalled2x` as `http-called2x`.
fn kebab_case(ident: &Ident) -> String {
    let name = ident.to_string();
    let name: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut out = String::new();
    for (i, c) in name.iter().enumerate() {
        let after_lower = i > 0 && !name[i - 1].is_uppercase();
        let before_lower = name.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && i > 0 && (after_lower || before_lower) {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}
