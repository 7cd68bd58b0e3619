//! `annals sample`: what stands in the events of a store, by its shape and never by its values.

use annals_model::sample::{FieldSample, Look, Sample, Shapes, TypeSample, ValueKind};
use serde_json::{Value, json};

use crate::check::{Inputs, read_all_as};
use crate::failure::Failure;
use crate::live;
use crate::output::Lines;
use crate::target::Target;

/// Show what events a store has: their types, fields and kinds of values, and how long streams are.
///
/// Any database that keeps events can be looked at, not only stores that Annals made. Statements only read. Values are
/// looked at for their kind (a number, a text, a mail address) and neither kept nor printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  annals sample --store sqlite:orders.db
  annals sample postgres://reader@db.example/shop --json
  annals sample events.jsonl                   events that `annals export` wrote")]
pub(crate) struct Args {
    /// The URL of a store or exported events (.jsonl); the store of --store where none is given.
    #[arg(value_name = "URL|FILE")]
    what: Option<String>,
    /// Look at up to this many events of each type.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(4..))]
    sample: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args, target: &Target) -> Result<(), Failure> {
    let mut inputs = Inputs::of(args.what.as_slice())?;
    if args.what.is_none() {
        let (given, url) = target.parsed()?;
        inputs.stores.push((given.to_owned(), url));
    }
    if inputs.stores.is_empty() && inputs.events.is_empty() {
        return Err(Failure::usage("a sample is taken of events, and there are none in this file")
            .hint("give the URL of a store, or events that `annals export` wrote (.jsonl)"));
    }
    let how = live::How { per_type: args.sample, ..live::How::default() };
    let subject = read_all_as(&inputs, &how).await?;
    let Some(sample) = subject.sample else {
        return Err(Failure::check("no events could be looked at").hint(
            "`annals check` on the same store says which tables there are, and what of them was read",
        ));
    };
    let mut out = Lines::stdout();
    match args.json {
        true => out.object(&as_json(&sample))?,
        false => out.text(&as_text(&sample))?,
    }
    out.finish()
}

/// One JSON object. Members may be added to it; what is there stays and keeps its meaning.
fn as_json(sample: &Sample) -> Value {
    let types = sample.types.iter().map(|(name, seen)| {
        json!({
            "type": name,
            "events": seen.events,
            "read": seen.read,
            "categories": seen.categories,
            "versions": versions(seen),
            "metadata": seen.metadata.iter().map(|(path, field)| field_as_json(path, field)).collect::<Vec<_>>(),
        })
    });
    let streams = sample.categories.iter().map(|(name, category)| {
        json!({
            "category": name,
            "streams": category.streams,
            "events": category.events,
            "nine_in_ten_at_most": category.most,
            "longest": category.longest,
            "of_one_event": category.of_one,
            "with_holes": category.with_holes,
        })
    });
    json!({
        "annals_sample": 1,
        "name": sample.name,
        "events": sample.events,
        "read": sample.read,
        "types": types.collect::<Vec<_>>(),
        "streams": streams.collect::<Vec<_>>(),
    })
}

fn versions(seen: &TypeSample) -> Vec<Value> {
    let version = |(version, shapes): (&Option<String>, &Shapes)| {
        let of_shape = shapes.shapes.iter().map(|(fields, shape)| {
            let period = shape.period.as_ref();
            json!({
                "fields": fields,
                "read": shape.read,
                "first": period.map(|period| &period.first),
                "last": period.map(|period| &period.last),
            })
        });
        json!({
            "version": version,
            "read": read(shapes),
            "fields": shapes.fields.iter().map(|(path, field)| field_as_json(path, field)).collect::<Vec<_>>(),
            "shapes": of_shape.collect::<Vec<_>>(),
        })
    };
    seen.versions.iter().map(version).collect()
}

fn read(shapes: &Shapes) -> u64 {
    shapes.shapes.values().map(|shape| shape.read).sum()
}

fn field_as_json(path: &str, field: &FieldSample) -> Value {
    let kinds = field.kinds.iter().map(|(kind, read)| (kind_name(*kind).to_owned(), Value::from(*read)));
    let looks = field.looks.iter().map(|(look, read)| (look_name(*look).to_owned(), Value::from(*read)));
    json!({
        "path": path,
        "read": field.read,
        "kinds": kinds.collect::<serde_json::Map<_, _>>(),
        "looks_like": looks.collect::<serde_json::Map<_, _>>(),
    })
}

fn as_text(sample: &Sample) -> String {
    let events = sample.events.map_or_else(|| "an unknown number of".to_owned(), |events| events.to_string());
    let mut lines = vec![format!("{}: {} of {events} events looked at", sample.name, sample.read)];
    for (name, seen) in &sample.types {
        let events = seen.events.map_or_else(String::new, |events| format!(" of {events}"));
        lines.push(format!("\n{name}  ({}{events})", seen.read));
        for (version, shapes) in &seen.versions {
            let version = version.as_deref().unwrap_or("none");
            let kinds = shapes.shapes.len();
            let several =
                if kinds > 1 { format!(", {kinds} different sets of fields") } else { String::new() };
            lines.push(format!("  schema version {version}  ({}{several})", read(shapes)));
            let width = shapes.fields.keys().map(|path| path.chars().count()).max().unwrap_or(0);
            let field = |(path, field): (&String, &FieldSample)| {
                format!("    {path:width$}  {}", described(field, read(shapes)))
            };
            lines.extend(shapes.fields.iter().map(field));
        }
    }
    if !sample.categories.is_empty() {
        lines.push("\nstreams".to_owned());
    }
    for (name, category) in &sample.categories {
        let name = if name.is_empty() { "(without a category)" } else { name };
        lines.push(format!(
            "  {name}  {} with {} events, nine in ten have up to {}, the longest {}",
            category.streams, category.events, category.most, category.longest
        ));
    }
    lines.join("\n")
}

/// What a field holds: `text (mail addresses), in 12 of 20`.
fn described(field: &FieldSample, of: u64) -> String {
    let kinds: Vec<&str> = field.kinds.keys().map(|kind| kind_name(*kind)).collect();
    let looks: Vec<&str> = field.looks.keys().map(|look| look.plural()).collect();
    let looks = if looks.is_empty() { String::new() } else { format!(" ({})", looks.join(", ")) };
    let often = if field.read < of { format!(", in {} of {of}", field.read) } else { String::new() };
    format!("{}{looks}{often}", kinds.join(" or "))
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Bool => "bool",
        ValueKind::Integer => "integer",
        ValueKind::Fraction => "fraction",
        ValueKind::Text => "text",
        ValueKind::List => "list",
        ValueKind::Object => "object",
    }
}

fn look_name(look: Look) -> &'static str {
    match look {
        Look::Uuid => "uuid",
        Look::Time => "time",
        Look::Mail => "mail",
        Look::Phone => "phone",
        Look::IpAddress => "ip-address",
        Look::Iban => "iban",
        Look::Card => "card",
        Look::Secret => "secret",
    }
}
