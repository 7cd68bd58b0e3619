//! The flow as a drawing: commands, the events that they write by streams, who takes them in, and what is sent then.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use annals_model::model::{Event, Model, Named};

use crate::relations::{by_stream, emitters, parts, projections, sent, taken_in};

use super::super::page::{Anchors, Kind};
use super::escaped;
use super::layout::{BOX, Node, TITLE, place};

/// How much the first drawing shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Every event.
    Whole,
    /// Streams in the place of events, of which each has a drawing of its own.
    Streams,
}

/// With more events than these nobody reads a drawing of all.
const EVENTS_MAX: usize = 40;

const BOX_WIDTH: u32 = 166;
const COLUMN_GAP: u32 = 62;
const MARGIN: u32 = 14;
const LETTERS_MAX: usize = 23;

/// The whole flow; nothing where there is none.
pub(super) fn overview(model: &Model, anchors: &Anchors) -> Option<(String, Extent)> {
    if model.events.is_empty() {
        return None;
    }
    if model.events.len() > EVENTS_MAX {
        return Some((by_streams(model, anchors), Extent::Streams));
    }
    let groups = by_stream(model);
    Some((by_events(model, anchors, &groups, "The whole flow"), Extent::Whole))
}

/// The flow of one stream; nothing where it has no events.
pub(super) fn of_stream(model: &Model, anchors: &Anchors, stream: &str) -> Option<String> {
    let groups: Vec<_> = by_stream(model).into_iter().filter(|(name, _)| *name == Some(stream)).collect();
    let is_empty = groups.iter().all(|(_, events)| events.is_empty());
    (!is_empty).then(|| by_events(model, anchors, &groups, "The flow of this stream"))
}

/// A drawing while it is made.
struct Drawing<'m> {
    anchors: &'m Anchors,
    nodes: Vec<Node>,
    /// What each box is, and under which name it is shown.
    shown: Vec<(Kind, &'m str)>,
    groups: Vec<String>,
    edges: Vec<(usize, usize)>,
}

impl<'m> Drawing<'m> {
    fn new(anchors: &'m Anchors) -> Self {
        Self { anchors, nodes: Vec::new(), shown: Vec::new(), groups: Vec::new(), edges: Vec::new() }
    }

    fn node(&mut self, column: usize, group: Option<usize>, kind: Kind, name: &'m str) -> usize {
        self.nodes.push(Node { column, group, y: 0 });
        self.shown.push((kind, name));
        self.nodes.len() - 1
    }

    /// Each edge once.
    fn edge(&mut self, from: usize, to: usize) {
        if !self.edges.contains(&(from, to)) {
            self.edges.push((from, to));
        }
    }

    /// A process, and in the next column what it sends.
    fn sends(&mut self, process: usize, kind: Kind, names: Vec<&'m str>) {
        let column = self.nodes.get(process).map_or(0, |node| node.column) + 1;
        for name in names {
            let to = self.node(column, None, kind, name);
            self.edge(process, to);
        }
    }
}

fn by_events<'m>(
    model: &'m Model,
    anchors: &'m Anchors,
    groups: &[(Option<&'m str>, Vec<&'m Named<Event>>)],
    title: &str,
) -> String {
    let mut drawing = Drawing::new(anchors);
    let mut events: BTreeMap<&str, usize> = BTreeMap::new();
    for (stream, of) in groups {
        let group = drawing.groups.len();
        drawing.groups.push(stream.unwrap_or("of no stream").to_owned());
        for event in of {
            let name = event.name.value.as_str();
            events.insert(name, drawing.node(1, Some(group), Kind::Event, name));
        }
    }
    let is_here = |name: &str| events.contains_key(name);
    let mut commands: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, at) in &events {
        for command in emitters(model, name) {
            let command = command.name.value.as_str();
            let from =
                *commands.entry(command).or_insert_with(|| drawing.node(0, None, Kind::Command, command));
            drawing.edge(from, *at);
        }
    }
    for projection in &model.projections {
        let from: Vec<&str> =
            projection.it.from.iter().map(|it| it.value.as_str()).filter(|it| is_here(it)).collect();
        reader(
            &mut drawing,
            Kind::Projection,
            &projection.name.value,
            from.iter().filter_map(|it| events.get(it)),
        );
    }
    for process in &model.processes {
        let taken = taken_in(&process.it);
        let taken = taken.iter().filter_map(|it| events.get(it));
        if let Some(at) = reader(&mut drawing, Kind::Process, &process.name.value, taken) {
            drawing.sends(at, Kind::Command, sent(&process.it));
        }
    }
    draw(drawing, 1, title)
}

/// A reader of some of the boxes; none where it reads none of them.
fn reader<'m, 'n>(
    drawing: &mut Drawing<'m>,
    kind: Kind,
    name: &'m str,
    from: impl Iterator<Item = &'n usize>,
) -> Option<usize> {
    let mut from = from.peekable();
    from.peek()?;
    let at = drawing.node(2, None, kind, name);
    from.for_each(|event| drawing.edge(*event, at));
    Some(at)
}

fn by_streams<'m>(model: &'m Model, anchors: &'m Anchors) -> String {
    let mut drawing = Drawing::new(anchors);
    let mut readers: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    let streams: Vec<_> = by_stream(model).into_iter().filter(|(_, events)| !events.is_empty()).collect();
    let mut boxes = Vec::new();
    for (stream, _) in &streams {
        boxes.push(drawing.node(0, None, Kind::Stream, stream.unwrap_or("of no stream")));
    }
    for ((_, events), from) in streams.iter().zip(boxes) {
        for event in events {
            let event = event.name.value.as_str();
            for projection in projections(model, event) {
                let name = projection.name.value.as_str();
                let key = (Kind::Projection, name);
                let to = *readers.entry(key).or_insert_with(|| drawing.node(1, None, Kind::Projection, name));
                drawing.edge(from, to);
            }
            for process in model.processes.iter().filter(|it| !parts(&it.it, event).is_empty()) {
                let name = process.name.value.as_str();
                let key = (Kind::Process, name);
                let to = *readers.entry(key).or_insert_with(|| drawing.node(1, None, Kind::Process, name));
                drawing.edge(from, to);
            }
        }
    }
    for process in &model.processes {
        let Some(at) = readers.get(&(Kind::Process, process.name.value.as_str())) else { continue };
        let of_command = |name: &str| {
            let command = model.commands.iter().find(|command| command.name.value == name);
            command.and_then(|command| command.it.stream.as_ref()).map(|stream| stream.value.as_str())
        };
        let streams = crate::relations::once(sent(&process.it).into_iter().filter_map(of_command));
        drawing.sends(*at, Kind::Stream, streams);
    }
    draw(drawing, 0, "The flow between streams; each stream has a drawing of its own below")
}

fn draw(mut drawing: Drawing<'_>, middle: usize, title: &str) -> String {
    let height = place(&mut drawing.nodes, &drawing.edges, middle) + 2 * MARGIN;
    let columns = drawing.nodes.iter().map(|node| node.column).max().unwrap_or_default();
    let columns = u32::try_from(columns).unwrap_or_default() + 1;
    let width = columns * BOX_WIDTH + (columns - 1) * COLUMN_GAP + 2 * MARGIN;
    let mut out = format!(
        "<div class=\"drawing\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\">\
         <svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"group\">\n\
         <title>{title}</title>\n"
    );
    for (n, group) in drawing.groups.iter().enumerate() {
        let of = drawing.nodes.iter().filter(|node| node.group == Some(n)).map(|node| node.y);
        let (Some(first), Some(last)) = (of.clone().min(), of.max()) else { continue };
        let (x, y) = (left(middle) - 8, first + MARGIN - TITLE);
        let _ = writeln!(
            out,
            "<rect class=\"stream\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"10\"/>\
             <text class=\"title\" x=\"{}\" y=\"{}\">{}</text>",
            BOX_WIDTH + 16,
            last - first + BOX + TITLE + 8,
            x + 10,
            y + 17,
            escaped(&cut(group)),
        );
    }
    for (from, to) in &drawing.edges {
        let (Some(one), Some(other)) = (drawing.nodes.get(*from), drawing.nodes.get(*to)) else { continue };
        let (x1, y1) = (left(one.column) + BOX_WIDTH, one.y + MARGIN + BOX / 2);
        let (x2, y2) = (left(other.column), other.y + MARGIN + BOX / 2);
        let bend = (x2.saturating_sub(x1)) / 2;
        let _ = writeln!(
            out,
            "<path data-a=\"{from}\" data-b=\"{to}\" d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\"/>",
            x1 + bend,
            x2 - bend,
        );
    }
    for (n, (node, (kind, name))) in drawing.nodes.iter().zip(&drawing.shown).enumerate() {
        let (x, y) = (left(node.column), node.y + MARGIN);
        let word = kind.word();
        let again = if node.column > middle + 1 { " again" } else { "" };
        let shape = format!(
            "<title>{} {}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX}\" rx=\"{}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            kind.one(),
            escaped(name),
            if *kind == Kind::Command { BOX / 2 } else { 5 },
            x + BOX_WIDTH / 2,
            y + 19,
            escaped(&cut(name)),
        );
        let _ = match drawing.anchors.get(*kind, name) {
            Some(anchor) => {
                writeln!(out, "<a class=\"{word}{again}\" data-n=\"{n}\" href=\"#{anchor}\">{shape}</a>")
            }
            None => writeln!(out, "<g class=\"{word}{again}\" data-n=\"{n}\">{shape}</g>"),
        };
    }
    out.push_str("</svg></div>\n");
    out
}

fn left(column: usize) -> u32 {
    MARGIN + u32::try_from(column).unwrap_or_default() * (BOX_WIDTH + COLUMN_GAP)
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LETTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(LETTERS_MAX - 1).chain(['…']).collect()
}
