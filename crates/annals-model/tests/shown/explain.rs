//! The pages of the rules.

use annals_model::explain::{self, Plain};
use annals_model::rules::RULES;

use super::support::{GUARD, POLICY, expect};

#[test]
fn a_rule_is_explained_as_a_page_and_for_a_terminal() {
    expect("explain.policy.md", &explain::explain(&POLICY));
    expect("explain.policy.txt", &explain::plain(&POLICY, &Plain::default()));
    expect("explain.guard.md", &explain::explain(&GUARD));
    expect("explain.guard.txt", &explain::plain(&GUARD, &Plain { width: 60, colour: false }));
    expect("explain.guard.colour.txt", &explain::plain(&GUARD, &Plain { width: 80, colour: true }));
    expect(
        "explain.allow.txt",
        &explain::plain(annals_model::rules::find("AN000").unwrap(), &Plain::default()),
    );
}

#[test]
fn every_rule_has_a_page_without_open_fences_and_within_its_width() {
    for rule in RULES {
        let page = explain::explain(rule);
        assert_eq!(page.lines().filter(|line| line.trim_start().starts_with("```")).count() % 2, 0, "{page}");
        for width in [0, 40, 80, usize::MAX] {
            let text = explain::plain(rule, &Plain { width, colour: false });
            let prose = text.lines().filter(|line| !line.starts_with(' ') && line.contains(' '));
            let too_long = |line: &&str| {
                line.chars().count() > width.max(40) && !line.contains('`') && !line.contains("://")
            };
            assert_eq!(prose.filter(too_long).collect::<Vec<_>>(), Vec::<&str>::new(), "{}", rule.id);
        }
    }
}

#[test]
fn every_rule_is_in_the_list() {
    let list = explain::list();
    assert_eq!(list.lines().count(), RULES.len());
    assert!(RULES.iter().all(|rule| list.contains(rule.id) && list.contains(rule.what)), "{list}");
}

#[test]
fn who_is_near_a_rule_is_led_to_it() {
    let meant = |word| explain::meant(word).iter().map(|rule| rule.id).collect::<Vec<_>>();
    assert_eq!(meant("AN31")[0], "AN301");
    assert_eq!(meant("no-concurency-policy")[0], "AN301");
    assert_eq!(meant("concurrency_policy")[0], "AN301");
    assert_eq!(meant("unread")[0], "AN221");
    assert!(meant("").is_empty() && meant("an").is_empty() && meant("something-else").is_empty());
}
