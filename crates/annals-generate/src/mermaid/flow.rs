//! Commands write events into streams, read models and processes take them in, and processes send commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use annals_model::model::{Model, version};
use annals_model::text::At;

use crate::relations::{by_stream, sent, taken_in};

use super::label;

/// Mermaid draws no more than 500 edges and reads no more than 50 000 characters, unless the page that it is on says
/// otherwise.
const EDGES_MAX: usize = 450;
const LENGTH_MAX: usize = 45_000;

/// The flow by events; where that would be more than Mermaid takes, by streams, without their commands.
pub(super) fn diagram(model: &Model) -> String {
    let (text, edges) = drawn(model, false);
    if edges <= EDGES_MAX && text.len() <= LENGTH_MAX { text } else { drawn(model, true).0 }
}

/// The nodes of everything that has a name.
struct Nodes<'m> {
    events: BTreeMap<&'m str, String>,
    commands: BTreeMap<&'m str, String>,
    projections: BTreeMap<&'m str, String>,
}

fn drawn(model: &Model, are_streams_nodes: bool) -> (String, usize) {
    let mut text = "flowchart LR\n".to_owned();
    let mut events = BTreeMap::new();
    for (n, (stream, of)) in by_stream(model).into_iter().enumerate() {
        let title = label(stream.unwrap_or("of no stream"));
        if are_streams_nodes {
            let _ = writeln!(text, "  s{n}[\"{title}\"]:::event");
            events.extend(of.iter().map(|event| (event.name.value.as_str(), format!("s{n}"))));
            continue;
        }
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  subgraph s{n}[\"{title}\"]");
        for event in of {
            let node = format!("e{}", events.len());
            let version = match version(&event.it) {
                1 => String::new(),
                version => format!(" v{version}"),
            };
            let _ = writeln!(text, "    {node}[\"{}{version}\"]:::event", label(&event.name.value));
            events.insert(event.name.value.as_str(), node);
        }
        text.push_str("  end\n");
    }
    let mut numbered = |kind: char, names: Vec<&'_ str>, open: &str, close: &str, class: &str| {
        for (n, name) in names.into_iter().enumerate() {
            let _ = writeln!(text, "  {kind}{n}{open}\"{}\"{close}:::{class}", label(name));
        }
    };
    let mut commands: Vec<&str> = model.commands.iter().map(|it| it.name.value.as_str()).collect();
    if are_streams_nodes {
        commands.clear();
    }
    let projections: Vec<&str> = model.projections.iter().map(|it| it.name.value.as_str()).collect();
    let processes: Vec<&str> = model.processes.iter().map(|it| it.name.value.as_str()).collect();
    numbered('c', commands.clone(), "([", "])", "command");
    numbered('p', projections.clone(), "[(", ")]", "projection");
    numbered('x', processes, "{{", "}}", "process");
    let nodes_of = |kind: char, names: Vec<&'_ str>| -> BTreeMap<String, String> {
        names.into_iter().enumerate().map(|(n, name)| (name.to_owned(), format!("{kind}{n}"))).collect()
    };
    let (mut commands, projections) = (nodes_of('c', commands), nodes_of('p', projections));
    if are_streams_nodes {
        // What is sent goes to the stream that it is decided about.
        commands = model
            .commands
            .iter()
            .filter_map(|command| {
                let stream = command.it.stream.as_ref()?;
                let n = model.streams.iter().position(|it| it.name.value == stream.value)?;
                Some((command.name.value.clone(), format!("s{n}")))
            })
            .collect();
    }
    let nodes = Nodes {
        events,
        commands: commands.iter().map(|(name, node)| (name.as_str(), node.clone())).collect(),
        projections: projections.iter().map(|(name, node)| (name.as_str(), node.clone())).collect(),
    };
    let edges = nodes.edges(model);
    for edge in &edges {
        let _ = writeln!(text, "  {edge}");
    }
    text.push_str(CLASSES);
    (text, edges.len())
}

/// The colours that event modelling gives them.
const CLASSES: &str = "  classDef command fill:#cfe2ff,stroke:#3b6fb5,color:#12233d
  classDef event fill:#ffe0b3,stroke:#b8701a,color:#3a2406
  classDef projection fill:#cdeccf,stroke:#3d8a44,color:#12300f
  classDef process fill:#e6d9f7,stroke:#7a52ad,color:#2a1644
";

impl Nodes<'_> {
    /// Each once, in the order of the model.
    fn edges(&self, model: &Model) -> Vec<String> {
        let mut edges = Vec::new();
        for command in &model.commands {
            let Some(node) = self.commands.get(command.name.value.as_str()) else { continue };
            let boundary = command.it.boundary.iter().flat_map(|boundary| &boundary.events);
            edges.extend(found(&self.events, boundary).map(|event| format!("{event} -.-> {node}")));
            let reads = found(&self.projections, &command.it.reads);
            edges.extend(reads.map(|projection| format!("{projection} -.-> {node}")));
            edges.extend(found(&self.events, &command.it.emits).map(|event| format!("{node} --> {event}")));
        }
        for (n, projection) in model.projections.iter().enumerate() {
            let from = found(&self.events, &projection.it.from);
            edges.extend(from.map(|event| format!("{event} --> p{n}")));
        }
        for (n, process) in model.processes.iter().enumerate() {
            let taken = taken_in(&process.it).into_iter().filter_map(|event| self.events.get(event));
            edges.extend(taken.map(|event| format!("{event} --> x{n}")));
            let sent = sent(&process.it).into_iter().filter_map(|command| self.commands.get(command));
            edges.extend(sent.map(|command| format!("x{n} ==> {command}")));
        }
        let mut seen = BTreeSet::new();
        // A stream does not lead to itself.
        let is_loop =
            |edge: &str| edge.split_once(' ').is_some_and(|(from, to)| to.rsplit(' ').next() == Some(from));
        edges.retain(|edge| !is_loop(edge) && seen.insert(edge.clone()));
        edges
    }
}

fn found<'n>(
    nodes: &'n BTreeMap<&str, String>,
    names: impl IntoIterator<Item = &'n At<String>>,
) -> impl Iterator<Item = &'n String> {
    names.into_iter().filter_map(|name| nodes.get(name.value.as_str()))
}
