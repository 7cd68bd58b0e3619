//! Answers to the questions, from a file or from a person, and what is taken where there is none: the answer that
//! speaks most against event sourcing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::Mistake;
use crate::model::node::{self, Node, Value};
use crate::text::{FileId, Texts};

use super::questions::{self, Kind, QUESTIONS, Question, Weighs};
use super::{Database, past};
use crate::meant::meant;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, or no.
    YesNo(bool),
    /// 0 to 3.
    Level(u8),
    /// In one's own words.
    Text(String),
    /// One of those to choose from.
    Choice(&'static str),
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was said, and what can be.
    pub message: String,
    /// What each means, or which was likely meant.
    pub help: Option<String>,
}

/// What has been answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    given: BTreeMap<&'static str, Answer>,
}

/// Reads an answer file, YAML or JSON: a mapping from the ids of questions to answers. A question whose answer is empty
/// is one that is not answered. What is not understood is left out, and told.
pub fn read(texts: &Texts, file: FileId) -> (Answers, Vec<Mistake>) {
    let mut answers = Answers::default();
    let mut mistakes = Vec::new();
    match parse(texts, file) {
        Ok(node) => answers.take(node, &mut mistakes),
        Err(mistake) => mistakes.push(mistake),
    }
    (answers, mistakes)
}

/// JSON is read as YAML, which does not take the tabs that JSON may be set in.
fn parse(texts: &Texts, file: FileId) -> Result<Node, Mistake> {
    let text = texts.text(file);
    if !text.trim_start().starts_with('{') || !text.contains('\t') {
        return node::parse(texts, file);
    }
    let mut spaced = Texts::default();
    for other in texts.files() {
        // A space is as long as a tab, so that places stay where they are.
        spaced.add(texts.name(other), texts.text(other).replace('\t', " "));
    }
    node::parse(&spaced, file)
}

impl Answers {
    fn take(&mut self, node: Node, mistakes: &mut Vec<Mistake>) {
        let entries = match node.value {
            Value::Map(entries) => entries,
            Value::Null => return,
            other => {
                let message =
                    format!("answers are a mapping of questions to answers, and this is {}", other.kind());
                mistakes.push(Mistake::new(node.span, message));
                return;
            }
        };
        for (key, value) in entries {
            let Some(question) = questions::find(&key.text) else {
                let mistake = Mistake::new(key.span, format!("no question is called `{}`", key.text));
                let near = meant(&key.text, QUESTIONS.iter().map(|question| question.id));
                mistakes.push(match near {
                    Some(near) => mistake.help(format!("did you mean `{near}`?")),
                    None => mistake,
                });
                continue;
            };
            let text = match value.value {
                Value::Null => continue,
                Value::Scalar { text, .. } => text,
                other => {
                    let message =
                        format!("`{}` takes a single answer, and this is {}", question.id, other.kind());
                    mistakes.push(Mistake::new(value.span, message));
                    continue;
                }
            };
            if let Err(refused) = self.answer(question, &text) {
                let mistake = Mistake::new(value.span, refused.message);
                mistakes.push(match refused.help {
                    Some(help) => mistake.help(help),
                    None => mistake,
                });
            }
        }
    }

    /// Takes the answer of a person or a file; an empty one takes back what was answered.
    ///
    /// # Errors
    /// What was said is no answer to this question.
    pub fn answer(&mut self, question: &'static Question, said: &str) -> Result<(), Refused> {
        let said = said.trim();
        if said.is_empty() {
            self.given.remove(question.id);
            return Ok(());
        }
        let answer = understand(question, said)?;
        self.given.insert(question.id, answer);
        Ok(())
    }

    /// What was answered.
    pub fn get(&self, question: &Question) -> Option<&Answer> {
        self.given.get(question.id)
    }

    /// Puts an answer in the place of another.
    pub(super) fn set(&mut self, question: &'static Question, answer: Answer) {
        self.given.insert(question.id, answer);
    }

    /// Takes an answer away.
    #[cfg(test)]
    pub(super) fn forget(&mut self, question: &'static Question) {
        self.given.remove(question.id);
    }

    /// Words that were answered.
    pub(super) fn text(&self, question: &Question) -> Option<&str> {
        match self.get(question) {
            Some(Answer::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What was chosen.
    pub(super) fn choice(&self, question: &Question) -> Option<&'static str> {
        match self.get(question) {
            Some(Answer::Choice(name)) => Some(name),
            _ => None,
        }
    }

    /// The answer as a level, or the one that speaks most against event sourcing. Yes is 1 and no is 0.
    pub(super) fn level(&self, question: &Question) -> u8 {
        match (self.get(question), question.kind) {
            (Some(Answer::Level(level)), _) => *level,
            (Some(Answer::YesNo(yes)), _) => u8::from(*yes),
            (_, Kind::YesNo { against }) => u8::from(against),
            _ if matches!(question.weighs, Weighs::Against(_)) => 3,
            _ => 0,
        }
    }

    /// The database that was named.
    pub fn database(&self) -> Option<Database> {
        self.choice(&questions::DATABASE).and_then(Database::by_name)
    }

    /// Whether a question still matters, after what has been answered. An interview asks no other.
    pub fn matters(&self, question: &Question) -> bool {
        match question.id {
            id if id == questions::REPLAY_USE.id => !past::is_named(self.text(&questions::PAST_QUESTION)),
            id if id == questions::ERASURE_RULE.id => {
                self.level(&questions::PERSONAL_DATA) >= super::gate::ERASABLE
            }
            _ => true,
        }
    }

    /// The next question for a person who is asked them in order, after one of them or from the beginning.
    pub fn next(&self, after: Option<&Question>) -> Option<&'static Question> {
        let asked = after.and_then(|after| QUESTIONS.iter().position(|question| question.id == after.id));
        let rest = QUESTIONS.iter().skip(asked.map_or(0, |asked| asked + 1));
        rest.copied().find(|question| self.matters(question))
    }

    /// The questions that matter and are not answered, each of which counts against event sourcing.
    pub fn unanswered(&self) -> Vec<&'static Question> {
        let is_open = |question: &&'static Question| {
            question.weighs != Weighs::Nothing && self.get(question).is_none() && self.matters(question)
        };
        QUESTIONS.iter().copied().filter(is_open).collect()
    }

    /// As an answer file, with each question above its answer. An empty one is a form to fill in.
    pub fn to_yaml(&self) -> String {
        let mut yaml = String::new();
        for question in QUESTIONS {
            // Writing to a String does not fail.
            let _ = writeln!(yaml, "# {}", question.asks);
            match question.kind {
                Kind::Level(means) => {
                    for (level, means) in means.iter().enumerate() {
                        let _ = writeln!(yaml, "#   {level}  {means}");
                    }
                }
                Kind::Choice(choices) => {
                    for choice in choices {
                        let _ = writeln!(yaml, "#   {}  {}", choice.name, choice.means);
                    }
                }
                Kind::YesNo { .. } => yaml.push_str("#   yes or no\n"),
                Kind::Text => {}
            }
            let _ = match self.get(question) {
                None => writeln!(yaml, "{}:\n", question.id),
                // A JSON string is a quoted YAML one.
                Some(Answer::Text(text)) => {
                    writeln!(yaml, "{}: {}\n", question.id, serde_json::Value::from(text.as_str()))
                }
                Some(answer) => writeln!(yaml, "{}: {answer}\n", question.id),
            };
        }
        yaml
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::YesNo(yes) => f.write_str(if *yes { "yes" } else { "no" }),
            Self::Level(level) => write!(f, "{level}"),
            Self::Text(text) => f.write_str(text),
            Self::Choice(name) => f.write_str(name),
        }
    }
}

fn understand(question: &Question, said: &str) -> Result<Answer, Refused> {
    let id = question.id;
    match question.kind {
        Kind::Text => Ok(Answer::Text(said.split_whitespace().collect::<Vec<_>>().join(" "))),
        Kind::YesNo { .. } => match said.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => Ok(Answer::YesNo(true)),
            "no" | "n" | "false" => Ok(Answer::YesNo(false)),
            _ => Err(Refused { message: format!("`{id}` takes yes or no, not `{said}`"), help: None }),
        },
        Kind::Level(means) => match said {
            "0" => Ok(Answer::Level(0)),
            "1" => Ok(Answer::Level(1)),
            "2" => Ok(Answer::Level(2)),
            "3" => Ok(Answer::Level(3)),
            _ => {
                let levels: Vec<_> =
                    means.iter().enumerate().map(|(level, means)| format!("{level}: {means}")).collect();
                let message = format!("`{id}` takes 0, 1, 2 or 3, not `{said}`");
                Err(Refused { message, help: Some(levels.join("; ")) })
            }
        },
        Kind::Choice(choices) => {
            let lower = said.to_ascii_lowercase();
            if let Some(choice) = choices.iter().find(|choice| choice.name == lower) {
                return Ok(Answer::Choice(choice.name));
            }
            let names: Vec<_> = choices.iter().map(|choice| choice.name).collect();
            let help = meant(&lower, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            Err(Refused { message: format!("`{id}` takes one of {}, not `{said}`", names.join(", ")), help })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Answers, Vec<(String, String, Option<String>)>) {
        let mut texts = Texts::default();
        let file = texts.add("answers.yaml", text);
        let (answers, mistakes) = read(&texts, file);
        let told =
            mistakes.into_iter().map(|it| (texts.at(it.span).to_owned(), it.message, it.help)).collect();
        (answers, told)
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let (yaml, mistakes) =
            read_text("owner: no\nhistory: 2\nmotive: audit\nmodule: No sales\ndisputes:\n");
        assert_eq!(mistakes, []);
        let json =
            "{\n\t\"owner\": false,\n\t\"history\": 2, \"motive\": \"audit\", \"module\": \"No sales\"}";
        assert_eq!(read_text(json), (yaml.clone(), vec![]));
        assert_eq!(yaml.level(&questions::OWNER), 0);
        assert_eq!(yaml.text(&questions::MODULE), Some("No sales"));
        assert_eq!(yaml.get(&questions::DISPUTES), None);
    }

    #[test]
    fn what_is_no_question_and_no_answer_is_told_with_its_place() {
        let (answers, mistakes) = read_text(
            "histroy: 2\ndisputes: 4\nmotive: audits\nowner: maybe\nlanguage: [1]\nquite-another-thing: 1\n",
        );
        assert_eq!(answers, Answers::default());
        let told = |place: &str, message: &str, help: Option<&str>| {
            (place.to_owned(), message.to_owned(), help.map(str::to_owned))
        };
        assert_eq!(
            mistakes[0],
            told("histroy", "no question is called `histroy`", Some("did you mean `history`?"))
        );
        assert_eq!(mistakes[1].0, "4");
        assert_eq!(mistakes[1].1, "`disputes` takes 0, 1, 2 or 3, not `4`");
        assert_eq!(mistakes[2].2.as_deref(), Some("did you mean `audit`?"));
        assert_eq!(mistakes[3], told("maybe", "`owner` takes yes or no, not `maybe`", None));
        assert_eq!(mistakes[4].1, "`language` takes a single answer, and this is a list");
        assert_eq!(mistakes[5].2, None);
        assert_eq!(mistakes.len(), 6);
    }

    #[test]
    fn a_form_that_is_filled_in_is_read_back() {
        let mut answers = Answers::default();
        assert_eq!(read_text(&answers.to_yaml()), (Answers::default(), vec![]));
        for (question, said) in
            [(&questions::MODULE, "a: \"b\" # c"), (&questions::OWNER, "y"), (&questions::HISTORY, "3")]
        {
            answers.answer(question, said).unwrap();
        }
        assert_eq!(read_text(&answers.to_yaml()), (answers, vec![]));
    }

    #[test]
    fn an_interview_asks_only_what_matters() {
        let mut answers = Answers::default();
        assert_eq!(answers.next(None), Some(&questions::MODULE));
        assert_eq!(answers.next(Some(&questions::PAST_QUESTION)), Some(&questions::REPLAY_USE));
        answers.answer(&questions::PAST_QUESTION, "Who raised the limit last May?").unwrap();
        assert_eq!(answers.next(Some(&questions::PAST_QUESTION)), Some(&questions::LOGIC));
        answers.answer(&questions::PERSONAL_DATA, "1").unwrap();
        assert_eq!(answers.next(Some(&questions::PERSONAL_DATA)), Some(&questions::AD_HOC_REPORTS));
        assert_eq!(answers.next(Some(&questions::CORE)), None);
    }
}
