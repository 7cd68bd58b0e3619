//! `#[annals::fingerprint]`: a number that changes when code does, and not when its layout or its comments do.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, DeriveInput, Error, Generics, Path, Result, Token, Type, WhereClause};

/// `impl<…> State for Type where … { … }`
struct Implementation {
    attributes: Vec<Attribute>,
    generics: Generics,
    of: Path,
    own: Type,
    body: TokenStream,
}

const EXPECTED: &str =
    "a fingerprint is taken of `impl State for …`, or of the struct or enum of a state or its events";

impl Parse for Implementation {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<Token![impl]>()?;
        let mut generics: Generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
        let of: Type = input.parse()?;
        let Type::Path(of) = of else { return Err(Error::new_spanned(of, EXPECTED)) };
        let of = of.path;
        if !(input.peek(Token![for]) && of.segments.last().is_some_and(|last| last.ident == "State")) {
            return Err(Error::new_spanned(of, EXPECTED));
        }
        input.parse::<Token![for]>()?;
        let own = input.parse()?;
        if input.peek(Token![where]) {
            generics.where_clause = Some(input.parse::<WhereClause>()?);
        }
        let body;
        syn::braced!(body in input);
        Ok(Self { attributes, generics, of, own, body: body.parse()? })
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if let Some(first) = arguments.into_iter().next() {
        return Err(Error::new(first.span(), "`#[fingerprint]` takes no arguments"));
    }
    let value = of_tokens(item.clone());
    if is_implementation(&item) { of_fold(syn::parse2(item)?, value) } else { of_type(item, value) }
}

/// The fold's fingerprint: its own tokens, and those of the types of state and event where they are annotated.
fn of_fold(fold: Implementation, value: u64) -> Result<TokenStream> {
    let Implementation { attributes, generics, of, own, body } = fold;
    let mut tokens = body.clone().into_iter();
    while let Some(token) = tokens.next() {
        if matches!(&token, TokenTree::Ident(ident) if ident == "const")
            && let Some(TokenTree::Ident(name)) = tokens.next()
            && name == "FINGERPRINT"
        {
            return Err(Error::new(
                name.span(),
                "`#[fingerprint]` writes this constant: leave one of them out",
            ));
        }
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #(#attributes)*
        impl #impl_generics #of for #own #where_clause {
            const FINGERPRINT: ::std::option::Option<::annals::snapshot::Fingerprint> = {
                // An annotated type has a constant of its own, which is preferred to that of this trait.
                #[allow(unused_imports, reason = "both types may be annotated")]
                use ::annals::snapshot::derived::Shape as _;
                ::std::option::Option::Some(::annals::snapshot::derived::of(&[
                    #value,
                    <Self>::ANNALS_SHAPE,
                    <<Self as ::annals::State>::Event>::ANNALS_SHAPE,
                ]))
            };
            #body
        }
    })
}

fn of_type(item: TokenStream, value: u64) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item.clone()).map_err(|e| Error::new(e.span(), EXPECTED))?;
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #item
        impl #impl_generics #name #type_generics #where_clause {
            #[doc(hidden)]
            #[allow(dead_code, reason = "read where the fold is annotated")]
            pub const ANNALS_SHAPE: u64 = #value;
        }
    })
}

fn is_implementation(item: &TokenStream) -> bool {
    let words = item.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident),
        _ => None,
    });
    let begins = |ident: &Ident| ["impl", "struct", "enum", "union"].iter().any(|word| ident == word);
    words.into_iter().find(begins).is_some_and(|word| word == "impl")
}

/// Every operator of more than one character. Elsewhere it does not matter whether two of them touch.
const OPERATORS: [&str; 24] = [
    "<<=", ">>=", "...", "..=", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=",
    "%=", "^=", "&=", "|=", "<<", ">>", "..",
];

/// The fingerprint of code as the compiler sees it: without layout and comments, without the comma before a
/// closing bracket, which comes and goes with the layout, and without documentation and derives.
pub(crate) fn of_tokens(tokens: TokenStream) -> u64 {
    let mut words = Vec::new();
    collect(tokens, &mut words);
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    // FNV-1a: a few lines, and the same for every version of every compiler.
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn collect(tokens: TokenStream, words: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let mut attribute = TokenStream::new();
                if matches!(tokens.peek(), Some(TokenTree::Punct(inner)) if inner.as_char() == '!') {
                    attribute.extend(tokens.next());
                }
                match tokens.peek() {
                    Some(TokenTree::Group(group)) if is_left_out(group.stream()) => drop(tokens.next()),
                    _ => {
                        words.push("#".to_owned());
                        collect(attribute, words);
                    }
                }
            }
            TokenTree::Punct(mark) => {
                let mut operator = String::from(mark.as_char());
                let mut touches = mark.spacing() == Spacing::Joint;
                while touches && let Some(TokenTree::Punct(next)) = tokens.peek() {
                    let longer = format!("{operator}{}", next.as_char());
                    if !OPERATORS.iter().any(|known| known.starts_with(&longer)) {
                        break;
                    }
                    (operator, touches) = (longer, next.spacing() == Spacing::Joint);
                    tokens.next();
                }
                if operator != "," || tokens.peek().is_some() {
                    words.push(operator);
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    // Put there by a macro, and seen by nobody.
                    Delimiter::None => {
                        collect(group.stream(), words);
                        continue;
                    }
                };
                words.push(open.to_owned());
                collect(group.stream(), words);
                words.push(close.to_owned());
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => words.push(token.to_string()),
        }
    }
}

/// What stands in an attribute and changes nothing of what code does.
fn is_left_out(attribute: TokenStream) -> bool {
    const LEFT_OUT: [&str; 5] = ["doc", "derive", "allow", "expect", "warn"];
    match attribute.into_iter().next() {
        Some(TokenTree::Ident(name)) => LEFT_OUT.iter().any(|left_out| name == left_out),
        Some(TokenTree::Group(group)) => is_left_out(group.stream()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> u64 {
        of_tokens(code.parse().unwrap())
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        let code = "impl State for Sum { fn evolve(&mut self, e: &E) { self.sum += f(e.a, e.b); } }";
        let laid_out = "
            /// Documented.
            #[allow(unused)]
            impl State for Sum {
                //! Inside.
                fn evolve(&mut self, e: &E) {
                    // A comment.
                    self.sum+=f(
                        e.a,
                        e.b, /* another */
                    );
                }
            }";
        assert_eq!(of(code), of(laid_out));
        assert_eq!(of("a<-1"), of("a < -1"));
        assert_eq!(of("a=-1"), of("a = -1"));
        assert_eq!(of("x: &'a T"), of("x:&'a T"));
    }

    #[test]
    fn what_code_does_counts() {
        let code = [
            "self.sum += 1;",
            "self.sum += 2;",
            "self.sum += 1u8;",
            "self.sum -= 1;",
            "self . sum = 1;",
            "self.sun += 1;",
            "{ self.sum += 1; }",
            "#[cfg(x)] self.sum += 1;",
            "#[serde(default)] self.sum += 1;",
            "a && b",
            "a & &b",
            "ab",
            "a b",
            "\"a b\"",
            "'a'",
        ];
        let mut seen = std::collections::HashSet::new();
        for code in code {
            assert!(seen.insert(of(code)), "{code}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_for_ever() {
        assert_eq!(of("impl State for Sum {}"), of("impl State for Sum { }"));
        assert_eq!(format!("{:016x}", of("a += 1;")), "9f6459ac3aba82b2");
    }
}
