//! Modules whose outcome people who know such systems would agree on. Each file says in a comment what is expected.

use std::fs;
use std::path::PathBuf;

use annals_model::fit::alternative::{Column, Type};
use annals_model::fit::{Database, Description, answers, fit_model, judge};
use annals_model::model;
use annals_model::text::Texts;

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fit");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|file| file.expect("it can be listed").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    files
}

#[test]
fn described_modules_come_out_as_people_would_have_them() {
    let mut wrong = Vec::new();
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let mut texts = Texts::default();
        let file = texts.add(path.display().to_string(), text.clone());
        let (answers, mistakes) = answers::read(&texts, file);
        assert_eq!(mistakes, [], "{}", path.display());
        assert_eq!(answers.unanswered().iter().map(|it| it.id).find(|id| *id != "replay-use"), None);
        let verdict = judge(&answers);
        let said = format!(
            "{}, gate {}, alternative {}",
            verdict.band.name(),
            verdict.gate.map_or("none", |gate| gate.id),
            verdict.alternative.map_or("none", |kind| kind.name()),
        );
        let expected = text.lines().find_map(|line| line.strip_prefix("# expect: ")).unwrap();
        if said != expected {
            wrong.push(format!("{}: {said}, expected {expected}", path.display()));
        }
        assert_eq!(verdict.decided.len(), 3);
        assert!(!verdict.changes.is_empty(), "{}: {verdict:?}", path.display());
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a person reads of each, without the scripts. `UPDATE_VERDICTS=1` writes it anew.
#[test]
fn verdicts_read_as_they_did() {
    let mut read = String::new();
    for path in files() {
        let mut texts = Texts::default();
        let file = texts.add("answers.yaml", fs::read_to_string(&path).unwrap());
        let (answers, _) = answers::read(&texts, file);
        let text = judge(&answers).to_text(None);
        let until_script = text.split_inclusive('\n').take_while(|line| !line.starts_with(['-', '/']));
        read.push_str(&format!("==== {}\n\n", path.file_stem().unwrap().to_string_lossy()));
        read.extend(until_script);
        read = format!("{}\n\n", read.trim_end());
    }
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fit/verdicts.txt");
    if std::env::var_os("UPDATE_VERDICTS").is_some() {
        fs::write(&kept, &read).unwrap();
    }
    assert_eq!(read, fs::read_to_string(&kept).unwrap());
}

#[test]
fn a_program_reads_the_same_as_a_person() {
    let mut texts = Texts::default();
    let file = texts.add("answers.yaml", include_str!("fit/nobody.yaml"));
    let (answers, _) = answers::read(&texts, file);
    let columns = vec![Column::new("claim_id", Type::Uuid), Column::new("status", Type::Text)];
    let claim = Description { table: "claim".to_owned(), columns };
    let json = judge(&answers).to_json(Some(&claim));
    assert_eq!(json["verdict"], "crud");
    assert_eq!(json["gate"]["id"], "G8");
    assert_eq!(json["decided"][0]["question"], "owner");
    assert_eq!(json["decided"][0]["answer"], false);
    assert_eq!(json["decided"][1]["answer"], 3);
    assert_eq!(json["changes"][0]["if"][0]["answer"], "were yes");
    assert_eq!(json["changes"][0]["then"], "core-only");
    assert_eq!(json["alternative"]["kind"], "audit");
    assert_eq!(json["alternative"]["database"], "mysql");
    assert!(json["alternative"]["code"].as_str().unwrap().contains("CREATE TABLE claim_history ("));
}

#[test]
fn what_a_verdict_says_would_change_it_does() {
    // Only changes of one level or one yes can be answered back from their words.
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let mut texts = Texts::default();
        let file = texts.add("answers.yaml", text);
        let (answers, _) = answers::read(&texts, file);
        for change in judge(&answers).changes {
            let mut other = answers.clone();
            for step in &change.steps {
                let words = step.answer.split([' ', ',']).collect::<Vec<_>>();
                let said = match words.as_slice() {
                    ["were", "at", _, level] => *level,
                    ["were", first, ..] => *first,
                    ["named", "something", "concrete"] => "who did this thing then",
                    _ => "nothing",
                };
                other.answer(step.question, said).unwrap();
            }
            assert_eq!(judge(&other).band, change.to, "{}: {change:?}", path.display());
        }
    }
}

#[test]
fn the_streams_of_the_shop_are_events() {
    let mut texts = Texts::default();
    let file = texts.add("shop.yaml", include_str!("models/shop.yaml"));
    let (model, mistakes) = model::read(&texts, &[file]);
    assert_eq!(mistakes, []);
    let leanings = fit_model(&model, None).unwrap().into_iter().map(|fit| (fit.stream, fit.leaning.name()));
    assert_eq!(leanings.collect::<Vec<_>>(), [("order".to_owned(), "events"), ("stock".to_owned(), "open")]);
    assert_eq!(
        fit_model(&model, Some("stok")).unwrap_err().to_string(),
        "no stream of the model is called `stok`, did you mean `stock`?"
    );
}

#[test]
fn a_stream_that_is_a_table_is_shown_as_one() {
    let mut texts = Texts::default();
    let file = texts.add("crm.yaml", include_str!("models/crm.yaml"));
    let (model, mistakes) = model::read(&texts, &[file]);
    assert_eq!(mistakes, []);
    let fits = fit_model(&model, Some("customer")).unwrap();
    let told = |part: &str| assert!(fits[0].to_text(Database::Postgres).contains(part), "{part}");
    told("customer: this stream is a table.");
    told("- no command keeps a rule or is refused for one, so nothing is decided");
    told("- 3 of 3 events say what a row does: CustomerCreated, CustomerUpdated, CustomerDeleted");
    told("- its one read model, customer_list, has the fields of its events and nothing else");
    told("  customer_id uuid NOT NULL PRIMARY KEY,\n  full_name text NOT NULL,\n  email text NULL,");
    told("CREATE TABLE customer_history (");
}
