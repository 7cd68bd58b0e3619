//! Commands write events into streams, read models and processes take them in, and processes send commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use annals_model::model::{Model, Named, version};
use annals_model::text::At;

use crate::relations::{by_stream, sent, taken_in};

use super::label;

/// Mermaid draws no more than 500 edges and reads no more than 50 000 characters, unless the page that it is on says
/// otherwise.
const EDGES_MAX: usize = 450;
const LENGTH_MAX: usize = 45_000;

/// How much is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Events,
    /// Streams in the place of their events and commands.
    Streams,
    /// Streams, and what goes from one to another.
    Processes,
}

/// The flow in as much detail as Mermaid takes.
pub(super) fn diagram(model: &Model) -> String {
    for detail in [Detail::Events, Detail::Streams] {
        let (text, edges) = drawn(model, detail);
        if edges <= EDGES_MAX && text.len() <= LENGTH_MAX {
            return text;
        }
    }
    drawn(model, Detail::Processes).0
}

/// By name, the nodes that are drawn; a stream's stand for its events and commands where those are not.
#[derive(Default)]
struct Nodes<'m> {
    events: BTreeMap<&'m str, String>,
    commands: BTreeMap<&'m str, String>,
    projections: BTreeMap<&'m str, String>,
    processes: BTreeMap<&'m str, String>,
}

/// The text, and how many edges it has.
fn drawn(model: &Model, detail: Detail) -> (String, usize) {
    let mut text = "flowchart LR\n".to_owned();
    let mut nodes = Nodes::default();
    for (n, (stream, events)) in by_stream(model).into_iter().enumerate() {
        let title = label(stream.unwrap_or("of no stream"));
        if detail != Detail::Events {
            let _ = writeln!(text, "  s{n}[\"{title}\"]:::event");
            nodes.events.extend(events.iter().map(|event| (event.name.value.as_str(), format!("s{n}"))));
            let of = model.commands.iter().filter(|command| {
                command.it.stream.as_ref().is_some_and(|of| Some(of.value.as_str()) == stream)
            });
            nodes.commands.extend(of.map(|command| (command.name.value.as_str(), format!("s{n}"))));
            continue;
        }
        if events.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  subgraph s{n}[\"{title}\"]");
        for event in events {
            let node = format!("e{}", nodes.events.len());
            let version = match version(&event.it) {
                1 => String::new(),
                version => format!(" v{version}"),
            };
            let _ = writeln!(text, "    {node}[\"{}{version}\"]:::event", label(&event.name.value));
            nodes.events.insert(event.name.value.as_str(), node);
        }
        text.push_str("  end\n");
    }
    if detail == Detail::Events {
        nodes.commands = shapes(&mut text, &model.commands, 'c', ("([", "])"), "command");
    }
    if detail != Detail::Processes {
        nodes.projections = shapes(&mut text, &model.projections, 'p', ("[(", ")]"), "projection");
    }
    nodes.processes = shapes(&mut text, &model.processes, 'x', ("{{", "}}"), "process");
    let edges = nodes.edges(model);
    for edge in &edges {
        let _ = writeln!(text, "  {edge}");
    }
    text.push_str(CLASSES);
    (text, edges.len())
}

fn shapes<'m, T>(
    text: &mut String,
    of: &'m [Named<T>],
    kind: char,
    (open, close): (&str, &str),
    class: &str,
) -> BTreeMap<&'m str, String> {
    let mut nodes = BTreeMap::new();
    for (n, named) in of.iter().enumerate() {
        let name = named.name.value.as_str();
        let _ = writeln!(text, "  {kind}{n}{open}\"{}\"{close}:::{class}", label(name));
        nodes.insert(name, format!("{kind}{n}"));
    }
    nodes
}

/// The colours that event modelling gives them.
const CLASSES: &str = "  classDef command fill:#cfe2ff,stroke:#3b6fb5,color:#12233d
  classDef event fill:#ffe0b3,stroke:#b8701a,color:#3a2406
  classDef projection fill:#cdeccf,stroke:#3d8a44,color:#12300f
  classDef process fill:#e6d9f7,stroke:#7a52ad,color:#2a1644
";

impl Nodes<'_> {
    /// Each once, in the order of the model; none from a node to itself.
    fn edges(&self, model: &Model) -> Vec<String> {
        let mut edges = Edges::default();
        for command in &model.commands {
            let Some(node) = self.commands.get(command.name.value.as_str()) else { continue };
            let boundary = command.it.boundary.iter().flat_map(|boundary| &boundary.events);
            found(&self.events, values(boundary)).for_each(|event| edges.add(event, "-.->", node));
            found(&self.projections, values(&command.it.reads)).for_each(|it| edges.add(it, "-.->", node));
            found(&self.events, values(&command.it.emits)).for_each(|event| edges.add(node, "-->", event));
        }
        for projection in &model.projections {
            let Some(node) = self.projections.get(projection.name.value.as_str()) else { continue };
            found(&self.events, values(&projection.it.from)).for_each(|event| edges.add(event, "-->", node));
        }
        for process in &model.processes {
            let Some(node) = self.processes.get(process.name.value.as_str()) else { continue };
            found(&self.events, taken_in(&process.it)).for_each(|event| edges.add(event, "-->", node));
            found(&self.commands, sent(&process.it)).for_each(|command| edges.add(node, "==>", command));
        }
        edges.drawn
    }
}

#[derive(Default)]
struct Edges {
    drawn: Vec<String>,
    seen: BTreeSet<String>,
}

impl Edges {
    fn add(&mut self, from: &str, arrow: &str, to: &str) {
        let edge = format!("{from} {arrow} {to}");
        if from != to && self.seen.insert(edge.clone()) {
            self.drawn.push(edge);
        }
    }
}

fn values<'n>(names: impl IntoIterator<Item = &'n At<String>>) -> impl Iterator<Item = &'n str> {
    names.into_iter().map(|name| name.value.as_str())
}

fn found<'n>(
    nodes: &'n BTreeMap<&str, String>,
    names: impl IntoIterator<Item = &'n str>,
) -> impl Iterator<Item = &'n String> {
    names.into_iter().filter_map(|name| nodes.get(name))
}
