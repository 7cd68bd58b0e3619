use super::on_store::{at_column, each_log};
use super::shared::{listed, modelled, together};
use super::{Example, Input, Mend, Rule};
use crate::Subject;
use crate::finding::{Finding, Findings, Place, Severity};
use crate::words::{self, TypeName};

pub(super) static RULE: Rule = Rule {
    id: "AN110",
    name: "language-bound-type",
    severity: Severity::Warning,
    reads: &[Input::Model, Input::Store, Input::Sample],
    what: "the type of an event is the name of a class",
    why: "A class is renamed and moved in an afternoon; the events in the log keep the old name for as long as they \
          are kept. From then on they cannot be read, or the old class has to stay for ever. And no program in \
          another language can read them.",
    mend: &[
        Mend {
            on: "",
            text: "Give every type a name of its own, such as `order-placed` or `shop.OrderPlaced`, and map classes to \
                   names in one place.",
        },
        Mend {
            on: "",
            text: "For events that are stored, map the class name that they have to the new name on reading.",
        },
    ],
    leave: "Where the class beside a name of its own is only a hint for tools.",
    sources: &["https://docs.eventsourcingdb.io/fundamentals/event-types/"],
    bad: &[
        Example::Events("{\"type\":\"App\\\\Events\\\\OrderPlaced\"}"),
        Example::Events("{\"type\":\"com.acme.OrderPlaced$V1\"}"),
        Example::Events("{\"type\":\"Acme.Orders.OrderPlaced, Acme.Orders, Version=1.0.0.0\"}"),
        Example::Events("{\"type\":\"Orders::OrderPlaced\"}"),
        Example::Events("{\"type\":\"com.acme.shop.domain.events.OrderPlaced\"}"),
        Example::Events("{\"type\":\"shop.domain.model:Order.Placed\"}"),
        Example::Model("events:\n  'Acme\\Orders\\OrderPlaced': {}\n"),
        Example::Sql(
            "CREATE TABLE stored_events (id bigserial PRIMARY KEY, aggregate_uuid uuid NOT NULL, aggregate_version bigint NOT NULL,
    event_class text NOT NULL, event_properties jsonb NOT NULL, meta_data jsonb NOT NULL, created_at timestamptz NOT NULL, UNIQUE (aggregate_uuid, aggregate_version));",
        ),
    ],
    good: &[
        Example::Events(
            "{\"type\":\"io.example.shop.order-placed\"}
{\"type\":\"com.github.pull_request.opened.v1\"}
{\"type\":\"shop.OrderPlaced\"}
{\"type\":\"com.example.OrderPlaced\"}
{\"type\":\"OrderPlaced\"}
{\"type\":\"order:placed\"}
{\"type\":\"order/placed\"}
{\"type\":\"order.placed\"}
{\"type\":\"urn:shop:order-placed\"}
{\"type\":\"$metadata\"}
{\"type\":\"$>\"}
{\"type\":\"Customer renamed, by support\"}",
        ),
        Example::Model("events:\n  OrderPlaced: {}\n"),
        // The class stands beside a name of its own.
        Example::Sql(
            "CREATE TABLE mt_events (seq_id bigint NOT NULL PRIMARY KEY, id uuid NOT NULL, stream_id uuid NOT NULL, version bigint NOT NULL,
    data jsonb NOT NULL, type varchar(500) NOT NULL, timestamp timestamptz NOT NULL, mt_dotnet_type varchar NULL, UNIQUE (stream_id, version));",
        ),
    ],
    check,
};

fn check(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    for event in subject.model.iter().flat_map(|model| &model.events) {
        let name = &event.name.value;
        if let Some(of) = language(name) {
            findings.add(said(
                rule,
                &[(name, of)],
                vec![Place::new(format!("events.{name}"), event.name.span)],
            ));
        }
    }
    if subject.sample.is_none() {
        in_stores(rule, subject, findings);
    }
    if let Some(sample) = &subject.sample {
        // A store names all types in one way, so that one finding says it.
        let types: Vec<_> = (sample.types.keys())
            .filter(|name| modelled(subject.model.as_ref(), name).is_none())
            .filter_map(|name| Some((name, language(name)?)))
            .collect();
        let places = types.iter().map(|(name, _)| Place::new((*name).clone(), None)).collect();
        if !types.is_empty() {
            findings.add(said(rule, &types, places));
        }
    }
}

/// Columns that are called after a class. What stands in them is seen in a sample, and better there.
fn in_stores(rule: &'static Rule, subject: &Subject, findings: &mut Findings) {
    each_log(subject, |_, _, log| {
        if let Some(column) = log.language_bound_type() {
            findings.add(
                Finding::new(
                    rule,
                    at_column(log.table, column).saying("the name of a class"),
                    format!("{}.{} is all that says the type of an event, and holds a class", log.table.name, column.name),
                )
                .help("a column with a name that belongs to the event, such as `order-placed`, mapped to classes in one place"),
            );
        }
    });
}

fn said(rule: &'static Rule, types: &[(&String, &str)], places: Vec<Place>) -> Finding {
    let names = listed(types.iter().map(|(name, _)| name));
    let language = types.first().map_or("", |(_, language)| language);
    let own = types.first().map(|(name, _)| TypeName::of(name).words.join("-")).unwrap_or_default();
    let message = match types.len() {
        1 => format!("{names} is the name of a class{language}"),
        all => format!("{all} event types are names of classes{language}: {names}"),
    };
    together(rule, "types", places, message)
        .help(format!("store a name of its own, such as `{own}`, and map it to the class in one place"))
}

/// Whose class a type is named for, as the end of a sentence; `None` for a name of its own.
fn language(name: &str) -> Option<&'static str> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_capital = |text: &str| text.starts_with(char::is_uppercase);
    if name.contains(char::is_whitespace) && !name.contains(", ") {
        return None;
    }
    if let Some((class, assembly)) = name.split_once(", ") {
        // An assembly has dots or is a word; a sentence has further words.
        let assembly = assembly.split(',').next().unwrap_or_default();
        let is_class = class.split(['.', '+', '`']).all(is_word) && class.contains(['.', '+']);
        return (is_class && assembly.split('.').all(is_word)).then_some(" with its assembly");
    }
    let parts = |by: &str| name.split(by).filter(|part| !part.is_empty()).collect::<Vec<_>>();
    if parts("\\").len() > 1 && parts("\\").into_iter().all(is_word) {
        return Some(" in a name space");
    }
    if parts("::").len() > 1 && parts("::").into_iter().all(is_word) {
        return Some(" in a module");
    }
    // System types of stores begin with `$`.
    if let Some((outer, inner)) = name.split_once('$').or_else(|| name.split_once('+'))
        && outer.split('.').all(is_word)
        && is_word(inner)
        && outer.rsplit('.').next().is_some_and(is_capital)
    {
        return Some(" in another class");
    }
    if let Some((module, class)) = name.split_once(':')
        && module.contains('.')
        && module.split('.').all(is_word)
        && !module.contains(char::is_uppercase)
        && is_capital(class)
    {
        return Some(" in a module");
    }
    in_package(name).then_some(" in a package")
}

/// `com.acme.shop.domain.OrderPlaced`: a package of code says so by its layers. Reversed domain names without them
/// are name spaces that somebody chose.
fn in_package(name: &str) -> bool {
    const LAYERS: [&str; 9] =
        ["domain", "event", "events", "model", "models", "aggregate", "aggregates", "messages", "contracts"];
    let segments: Vec<&str> = name.split('.').collect();
    let [before @ .., last] = segments.as_slice() else { return false };
    let is_class = last.starts_with(char::is_uppercase) && last.chars().any(char::is_lowercase);
    let has_layer = before.iter().any(|part| LAYERS.contains(&part.to_lowercase().as_str()));
    let is_package = matches!(before.first(), Some(&("com" | "org" | "net" | "io" | "de" | "dev")));
    let is_name_space = before.iter().all(|part| part.starts_with(char::is_uppercase));
    is_class
        && has_layer
        && before.len() >= 2
        && (is_package || is_name_space)
        && !words::split(last).is_empty()
}
