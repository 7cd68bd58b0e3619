//! `"account-{account}"`: a text with the values of fields in it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

#[derive(Clone)]
pub(crate) struct Template {
    span: Span,
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Text(String),
    /// A field, and fields inside it: `order.id`.
    Field(Vec<String>),
}

impl Template {
    pub(crate) fn parse(literal: &LitStr) -> Result<Self> {
        let (source, span) = (literal.value(), literal.span());
        let mut parts = Vec::new();
        let mut rest = source.as_str();
        while let Some((text, after)) = rest.split_once('{') {
            let (field, after) =
                after.split_once('}').ok_or_else(|| Error::new(span, "a `{` without its `}`"))?;
            let path: Vec<String> = field.split('.').map(str::to_owned).collect();
            let is_name =
                |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !path.iter().all(is_name) {
                return Err(Error::new(span, format!("`{{{field}}}` does not name a field")));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(Part::Field(path));
            rest = after;
        }
        if rest.contains('}') {
            return Err(Error::new(span, "a `}` without its `{`"));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.is_empty() {
            return Err(Error::new(span, "a stream needs a name"));
        }
        Ok(Self { span, source, parts })
    }

    /// An expression that writes the text, with `bindings` from field names to the variables they are in.
    pub(crate) fn expand(&self, of: &Ident, bindings: &[(String, Ident)]) -> Result<TokenStream> {
        let mut format = String::new();
        let mut values = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => format.push_str(text),
                Part::Field(path) => {
                    let (first, inner) =
                        path.split_first().ok_or_else(|| Error::new(self.span, "empty field"))?;
                    let Some((_, variable)) = bindings.iter().find(|(name, _)| name == first) else {
                        return Err(Error::new(
                            of.span(),
                            format!(
                                "`{of}` has no field `{first}`, which the stream `{}` needs",
                                self.source
                            ),
                        ));
                    };
                    let inner: Vec<syn::Member> =
                        inner.iter().map(|name| syn::parse_str(name)).collect::<Result<_>>()?;
                    format.push_str("{}");
                    values.push(quote!(#variable #(.#inner)*));
                }
            }
        }
        Ok(quote!(::std::format!(#format #(, #values)*)))
    }
}
