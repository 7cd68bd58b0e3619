//! What a model leaves open of retention, privacy and evolution. The rules of a review know most of it.

use annals_model::Subject;
use annals_model::finding::Place;
use annals_model::model::Model;
use annals_model::review::review;
use annals_model::text::{Span, Texts};
use serde::Serialize;

use crate::modelled::Modelled;

/// Something that somebody has to decide.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    /// `retention`, `privacy` or `evolution`.
    pub(super) about: &'static str,
    /// What is open.
    #[serde(rename = "open")]
    pub(super) question: String,
    /// File, line and path.
    pub(super) at: Option<String>,
    /// The rule that explains it.
    pub(super) rule: Option<&'static str>,
}

/// The rules whose findings are such questions.
const RULES: [(&str, &str); 11] = [
    ("AN304", "retention"),
    ("AN707", "retention"),
    ("AN701", "privacy"),
    ("AN702", "privacy"),
    ("AN703", "privacy"),
    ("AN401", "evolution"),
    ("AN402", "evolution"),
    ("AN403", "evolution"),
    ("AN405", "evolution"),
    ("AN602", "evolution"),
    ("AN504", "evolution"),
];

/// Everything that is open, retention first.
pub(super) fn open_questions(modelled: &Modelled) -> Vec<Question> {
    let Modelled { model, texts, .. } = modelled;
    let subject = Subject { texts: texts.clone(), model: Some(model.clone()), ..Subject::default() };
    let report = review(&subject);
    let asked = report.findings.iter().filter_map(|finding| {
        let (_, about) = RULES.iter().find(|(id, _)| *id == finding.rule.id)?;
        let at = Some(format!("{} (annals explain {})", place(texts, &finding.place), finding.rule.id));
        Some(Question { about, question: finding.message.clone(), at, rule: Some(finding.rule.id) })
    });
    let mut questions: Vec<Question> = asked.collect();
    questions.extend(beyond_rules(model, texts));
    let order = ["retention", "privacy", "evolution"];
    questions.sort_by_key(|question| order.iter().position(|about| *about == question.about));
    questions
}

/// What is no mistake, and still has to be answered before the first event is written.
fn beyond_rules(model: &Model, texts: &Texts) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |about, question: String, path: String, span: Span| {
        let at = Some(place(texts, &Place::new(path, span)));
        questions.push(Question { about, question, at, rule: None });
    };
    for stream in &model.streams {
        let name = &stream.name.value;
        let path = || format!("streams.{name}.retain");
        if let Some(retain) = &stream.it.retain
            && retain.then.is_none()
            && retain.lasting.as_ref().is_none_or(|lasting| lasting.value != "forever")
        {
            ask(
                "retention",
                format!("what becomes of {name} afterwards: archived or deleted?"),
                path(),
                retain.span,
            );
        }
    }
    for class in &model.privacy {
        let name = &class.name.value;
        if class.it.erase.is_some() && class.it.within.is_none() && !keeps(class.it.erase.as_ref()) {
            let question = format!("within what time is {name} data gone after somebody asks?");
            ask("privacy", question, format!("privacy.{name}"), class.name.span);
        }
    }
    let is_personal = |event: &str| {
        let fields = model.event(event).map(|event| event.it.fields.as_slice()).unwrap_or_default();
        fields.iter().any(|field| field.it.privacy.is_some())
    };
    for projection in &model.projections {
        let name = &projection.name.value;
        let holds = projection.it.fields.iter().any(|field| field.it.privacy.is_some());
        let fed = projection.it.from.iter().any(|from| is_personal(&from.value));
        if (holds || fed) && projection.it.erase.is_none() {
            let question = format!("is {name} erased with its events, or does it keep what it has copied?");
            ask("privacy", question, format!("projections.{name}.erase"), projection.name.span);
        }
    }
    for event in model.events.iter().filter(|event| event.it.is_public) {
        let name = &event.name.value;
        let question = format!("who outside reads {name}, and who tells them of its next version?");
        ask("evolution", question, format!("events.{name}.public"), event.name.span);
    }
    questions
}

fn keeps(erase: Option<&annals_model::text::At<annals_model::model::Erase>>) -> bool {
    erase.is_some_and(|erase| erase.value == annals_model::model::Erase::Keep)
}

/// `annals.yaml:12: streams.order`
fn place(texts: &Texts, place: &Place) -> String {
    match place.span {
        None => place.path.clone(),
        Some(span) => {
            let line =
                texts.text(span.file).get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
            format!("{}:{line}: {}", texts.name(span.file), place.path)
        }
    }
}
