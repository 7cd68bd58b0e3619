//! What stands in `#[event(…)]`, parsed where it stands, so that a mistake is underlined where it is.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Token, parenthesized};

use crate::template::Template;

/// `#[event(…)]` on the type.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) stream: Option<Template>,
    pub(crate) prefix: Option<String>,
    pub(crate) retired: Vec<LitStr>,
    /// Where it says that the payloads' JSON Schemas are wanted.
    pub(crate) schema: Option<proc_macro2::Span>,
}

/// `#[event(…)]` on a variant, or on a struct.
#[derive(Default)]
pub(crate) struct Kind {
    pub(crate) rename: Option<LitStr>,
    pub(crate) schema_version: Option<LitInt>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) upcasts: Vec<Upcast>,
    pub(crate) stream: Option<Template>,
    pub(crate) flatten: Option<proc_macro2::Span>,
}

/// `1 = function` to today's event, `1 -> 2 = function` to what the upcast from version 2 takes.
pub(crate) struct Upcast {
    pub(crate) from: LitInt,
    pub(crate) to: Option<LitInt>,
    pub(crate) function: Path,
}

impl Parse for Upcast {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let from = input.parse()?;
        let to = match input.parse::<Option<Token![->]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        input.parse::<Token![=]>()?;
        Ok(Self { from, to, function: input.parse()? })
    }
}

impl Container {
    /// Takes what belongs to the type; a struct is a kind of event as well.
    pub(crate) fn parse(attributes: &[Attribute], mut kind: Option<&mut Kind>) -> Result<Self> {
        let mut container = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("stream") {
                    container.stream = Some(Template::parse(&meta.value()?.parse()?)?);
                } else if meta.path.is_ident("prefix") {
                    container.prefix = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("retired") {
                    container.retired.push(meta.value()?.parse()?);
                } else if meta.path.is_ident("schema") {
                    container.schema = Some(meta.path.span());
                } else if let Some(kind) = kind.as_deref_mut() {
                    kind.take(&meta)?;
                } else {
                    return Err(meta.error(
                        "unknown attribute, expected `stream`, `prefix`, `retired` or `schema` on the enum",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(container)
    }
}

impl Kind {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut kind = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| kind.take(&meta))?;
        }
        Ok(kind)
    }

    fn take(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("rename") {
            self.rename = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("alias") {
            self.aliases.push(meta.value()?.parse()?);
        } else if meta.path.is_ident("schema_version") {
            let version: LitInt = meta.value()?.parse()?;
            if version.base10_parse::<u32>()? == 0 {
                return Err(Error::new(version.span(), "schema versions count from 1"));
            }
            self.schema_version = Some(version);
        } else if meta.path.is_ident("upcast") {
            let inside;
            parenthesized!(inside in meta.input);
            self.upcasts.extend(Punctuated::<Upcast, Token![,]>::parse_terminated(&inside)?);
        } else if meta.path.is_ident("stream") {
            self.stream = Some(Template::parse(&meta.value()?.parse()?)?);
        } else if meta.path.is_ident("flatten") {
            self.flatten = Some(meta.path.span());
        } else {
            return Err(meta.error(
                "unknown attribute, expected `rename`, `alias`, `schema_version`, `upcast`, `stream` or `flatten`",
            ));
        }
        Ok(())
    }

    /// The schema version that is written.
    pub(crate) fn version(&self) -> Result<u32> {
        self.schema_version.as_ref().map_or(Ok(1), LitInt::base10_parse)
    }

    /// Each older version is read by exactly one upcast.
    pub(crate) fn check_upcasts(&self, at: proc_macro2::Span) -> Result<()> {
        let version = self.version()?;
        let mut seen = Vec::new();
        for upcast in &self.upcasts {
            let from: u32 = upcast.from.base10_parse()?;
            if from == 0 || from >= version {
                return Err(Error::new(
                    upcast.from.span(),
                    format!("an upcast reads a version before the current one, which is {version}"),
                ));
            }
            if seen.contains(&from) {
                return Err(Error::new(upcast.from.span(), format!("a second upcast from version {from}")));
            }
            seen.push(from);
            if let Some(to) = &upcast.to {
                let next: u32 = to.base10_parse()?;
                if next <= from || next >= version {
                    return Err(Error::new(
                        to.span(),
                        format!(
                            "a step leads to a version between {from} and the current one, which is {version}; \
                             a function to today's event is `{from} = function`"
                        ),
                    ));
                }
            }
        }
        if let Some(missing) = (1..version).find(|older| !seen.contains(older)) {
            let at = self.schema_version.as_ref().map_or(at, LitInt::span);
            return Err(Error::new(
                at,
                format!(
                    "events of schema version {missing} may be stored: add `upcast({missing} = function)`"
                ),
            ));
        }
        Ok(())
    }
}

impl Kind {
    /// The functions that an event of version `from` goes through, in order. Every step leads to a higher version,
    /// and each of those has its upcast, so that the walk ends.
    pub(crate) fn chain(&self, from: &Upcast) -> Result<Vec<&Path>> {
        let mut functions = Vec::new();
        let mut at: u32 = from.from.base10_parse()?;
        loop {
            let mut step = None;
            for upcast in &self.upcasts {
                if upcast.from.base10_parse::<u32>()? == at {
                    step = Some(upcast);
                }
            }
            let Some(step) = step else { return Ok(functions) };
            functions.push(&step.function);
            match &step.to {
                Some(to) => at = to.base10_parse()?,
                None => return Ok(functions),
            }
        }
    }
}

/// The tag's name where a field is a tag: `#[event(tag)]` or `#[event(tag = "name")]`.
pub(crate) fn tag_name(field: &syn::Field, own_name: &str) -> Result<Option<String>> {
    let mut tag = None;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("tag") {
                return Err(meta.error("unknown attribute, expected `tag` on a field"));
            }
            tag = Some(if meta.input.peek(Token![=]) {
                meta.value()?.parse::<LitStr>()?.value()
            } else {
                own_name.to_owned()
            });
            Ok(())
        })?;
    }
    Ok(tag)
}
