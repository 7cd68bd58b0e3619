//! The prompts: what an agent is told to do, each step with the call whose output is its proof.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::Value;

/// A prompt, and what is put into it.
struct Template {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
    text: &'static str,
}

/// What stands in braces in the text.
struct Argument {
    name: &'static str,
    about: &'static str,
    /// What stands there where nothing is given; nothing where something has to be.
    else_: Option<&'static str>,
}

static PROMPTS: [Template; 3] = [
    Template {
        name: "design",
        title: "Design an event-sourced module",
        about: "From a description to a model that is reviewed, code that compiles and a database that is proved: seven \
                steps, each with its proof.",
        arguments: &[
            Argument {
                name: "domain",
                about: "What the module does, in the words of the business.",
                else_: None,
            },
            Argument {
                name: "database",
                about: "The database that keeps the events, such as postgres.",
                else_: Some("the one that the team already runs; ask which"),
            },
        ],
        text: include_str!("prompts/design.md"),
    },
    Template {
        name: "review",
        title: "Review an event-sourced design",
        about: "Review a model, DDL or a running store, and tell what matters first.",
        arguments: &[Argument {
            name: "what",
            about: "Where it is: files, a folder, or the URL of a store.",
            else_: Some("the model and the migrations of this project"),
        }],
        text: include_str!("prompts/review.md"),
    },
    Template {
        name: "should-i",
        title: "Should this be event sourced?",
        about: "Event sourcing or ordinary CRUD for one module, from answers and not from taste.",
        arguments: &[Argument {
            name: "module",
            about: "One module, never the whole system, and what it is for.",
            else_: None,
        }],
        text: include_str!("prompts/should-i.md"),
    },
];

/// All there are.
pub(super) fn all() -> Vec<Prompt> {
    let prompt = |template: &Template| {
        let arguments = template.arguments.iter().map(|argument| {
            PromptArgument::new(argument.name)
                .with_description(argument.about)
                .with_required(argument.else_.is_none())
        });
        Prompt::new(template.name, Some(template.about), Some(arguments.collect())).with_title(template.title)
    };
    PROMPTS.iter().map(prompt).collect()
}

/// The prompt of this name.
///
/// # Errors
/// There is none, an argument is missing or not known.
pub(super) fn get(name: &str, given: &JsonObject) -> Result<GetPromptResult, String> {
    let names = || PROMPTS.iter().map(|template| template.name).collect::<Vec<_>>().join(", ");
    let template = PROMPTS.iter().find(|template| template.name == name);
    let template = template.ok_or_else(|| format!("no prompt is called {name:?}; there are {}", names()))?;
    let is_known = |name: &String| template.arguments.iter().any(|argument| argument.name == name);
    if let Some(unknown) = given.keys().find(|name| !is_known(name)) {
        return Err(format!("the prompt {name} takes no {unknown:?}"));
    }
    let mut values = Vec::new();
    for argument in template.arguments {
        let given = given.get(argument.name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let value = given.or(argument.else_);
        let value = value
            .ok_or_else(|| format!("the prompt {name} needs {:?}: {}", argument.name, argument.about))?;
        values.push((argument.name, value));
    }
    let message = PromptMessage::new_text(Role::User, filled(template.text.trim_end(), &values));
    Ok(GetPromptResult::new(vec![message]).with_description(template.about))
}

/// A text with these values in the place of their names in braces. A value is not looked through again.
fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let found = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(other, _)| *other == name)?;
            Some((*value, after))
        });
        let (text, after) = found.unwrap_or(("{", after));
        out.push_str(text);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, arguments: &[(&str, &str)]) -> Result<String, String> {
        let arguments =
            arguments.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let result = get(name, &arguments)?;
        Ok(serde_json::to_value(&result).unwrap()["messages"][0]["content"]["text"]
            .as_str()
            .unwrap()
            .to_owned())
    }

    #[test]
    fn a_prompt_has_what_is_given_and_asks_for_what_is_not() {
        let design = text("design", &[("domain", "a car park {database}")]).unwrap();
        assert!(design.contains("a car park {database}"), "{design}");
        assert!(design.contains("ask which") && !design.contains("{domain}"), "{design}");
        assert!(text("review", &[]).unwrap().contains("this project"));
        assert!(text("design", &[]).unwrap_err().contains("needs \"domain\""));
        assert!(text("design", &[("domain", " ")]).is_err());
        assert!(text("should-i", &[("module", "m"), ("x", "y")]).unwrap_err().contains("takes no \"x\""));
        assert!(text("other", &[]).unwrap_err().contains("should-i"));
    }

    #[test]
    fn every_tool_that_a_prompt_names_is_there() {
        for template in &PROMPTS {
            let words = template.text.split('`').skip(1).step_by(2);
            let tools: Vec<&str> = words.filter(|word| super::super::tools::named(word).is_some()).collect();
            assert!(!tools.is_empty(), "{} names no tool", template.name);
        }
        let steps = PROMPTS[0].text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        // Whether at all, and the seven.
        assert_eq!(steps.count(), 8);
    }
}
