//! Texts by key and language. A test sees to it that every language has all of them, with the same variables.

use crate::base::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::OnceLock;
use unic_langid::LanguageIdentifier;

/// A count is a number, for its plural; all else is text.
fn argument(value: &str) -> FluentValue<'_> {
    let count = value.parse::<u32>().ok();
    match count.filter(|count| count.to_string() == value) {
        Some(count) => count.into(),
        None => value.into(),
    }
}

const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("texts/en.ftl"),
        Language::German => include_str!("texts/de.ftl"),
    }
}

/// The texts of one language.
pub(super) struct Words {
    bundle: FluentBundle<FluentResource>,
    /// How a day is written, for `strftime`.
    pub day: &'static str,
}

impl Words {
    /// The texts of this language, read once.
    pub fn of(language: Language) -> &'static Self {
        static ENGLISH: OnceLock<Words> = OnceLock::new();
        static GERMAN: OnceLock<Words> = OnceLock::new();
        let cell = match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        };
        cell.get_or_init(|| Self::read(language))
    }

    fn read(language: Language) -> Self {
        let tag: LanguageIdentifier = language.tag().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Isolation marks would be invisible garbage in plain text.
        bundle.set_use_isolating(false);
        let resource = match FluentResource::try_new(source(language).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
        // The original's order in English; nobody writes the month first in German.
        let day = match language {
            Language::English => "%m.%d.%Y",
            Language::German => "%d.%m.%Y",
        };
        Self { bundle, day }
    }

    /// The text of a key, its variables filled in, on one line; `None` when there is none.
    pub fn find(&self, key: &str, values: &[(&str, &str)]) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, argument(value));
        }
        let mut errors = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(&arguments), &mut errors);
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The text of a key, its variables filled in, on one line.
    pub fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.find(key, values).unwrap_or_else(|| key.to_owned())
    }

    /// The text of a key without variables.
    pub fn plain(&self, key: &str) -> String {
        self.say(key, &[])
    }
}

/// A name as part of a key: `passed over` is `passed-over`, `dane+mta-sts` is `dane-mta-sts`.
pub(super) fn key(prefix: &str, name: &str) -> String {
    format!("{prefix}-{}", name.replace([' ', '+'], "-"))
}

#[cfg(test)]
mod tests {
    use super::super::answer::{policy_name, rating_name};
    use super::*;
    use crate::base::{Policy, Zone};
    use crate::infer::Rating;
    use crate::probe::inbound::Mark;
    use std::collections::{BTreeMap, BTreeSet};

    const SOURCES: [&str; 8] = [
        include_str!("advice.rs"),
        include_str!("answer.rs"),
        include_str!("beside.rs"),
        include_str!("history.rs"),
        include_str!("reasons.rs"),
        include_str!("receiving.rs"),
        include_str!("sending.rs"),
        include_str!("text.rs"),
    ];

    /// What stands in double quotes and reads like a key of two words or more.
    fn literals() -> impl Iterator<Item = &'static str> {
        SOURCES
            .into_iter()
            .flat_map(|source| source.lines())
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| line.split('"').skip(1).step_by(2))
            .filter(|text| {
                let key = |c: char| c.is_ascii_lowercase() || c == '-';
                text.contains('-') && text.chars().all(key) && !text.starts_with(['-', ' '])
            })
    }

    /// Findings that say themselves what to do, or of which the advice on the policy says it.
    const NO_ADVICE: [&str; 4] = [
        "et-not-addressed",
        "three-unproven",
        "tlsrpt-confirms",
        "ut-not-addressed",
    ];

    fn codes() -> Vec<&'static str> {
        include_str!("../infer/finding.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("code: \"")?.strip_suffix("\","))
            .collect()
    }

    /// The codes of the steps of a verdict, as they stand in the source.
    fn reasons() -> impl Iterator<Item = &'static str> {
        let codes = include_str!("../infer/observation.rs")
            .lines()
            .filter_map(|line| line.trim().split_once("=> \"")?.1.strip_suffix("\","));
        codes.chain(["policy-known", "policy-reported"])
    }

    fn keys() -> Vec<String> {
        let policies = Policy::ALL.map(Some).into_iter().chain([None]);
        let mut keys: Vec<String> = policies
            .flat_map(|policy| {
                ["answer", "sending", "policy", "advice"]
                    .map(|prefix| key(prefix, policy_name(policy)))
            })
            .collect();
        let ratings = [
            Rating::Bad,
            Rating::Weak,
            Rating::Fair,
            Rating::Good,
            Rating::VeryGood,
        ];
        let ratings = ratings.map(Some).into_iter().chain([None]);
        keys.extend(ratings.map(|rating| key("rating", rating_name(rating))));
        for zone in Zone::ALL {
            keys.extend(
                ["refused", "sent", "unseen"].map(|what| format!("plaintext-{zone}-{what}")),
            );
        }
        for mark in [Mark::Pass, Mark::Fail, Mark::Unknown, Mark::NotApplicable] {
            keys.push(key("mark", &mark.to_string()));
            keys.push(key("cell", &mark.to_string()));
        }
        let codes = codes();
        assert!(codes.len() > 15, "the codes of the findings were not found");
        keys.extend(codes.iter().map(|code| key("finding", code)));
        let advised = codes.iter().filter(|code| !NO_ADVICE.contains(code));
        keys.extend(advised.map(|code| key("advice", code)));
        assert!(
            reasons().count() > 15,
            "the codes of the steps were not found"
        );
        keys.extend(reasons().map(|code| key("reason", code)));
        keys
    }

    #[test]
    fn every_key_has_a_text_in_every_language() {
        for language in Language::ALL {
            let words = Words::of(language);
            for key in keys() {
                assert!(words.find(&key, &[]).is_some(), "{language:?}: {key}");
            }
            assert!(literals().count() > 60, "the keys were not found");
            for literal in literals() {
                let found = [literal.to_owned(), key("advice", literal)]
                    .iter()
                    .any(|key| words.find(key, &[]).is_some());
                assert!(found, "{language:?}: {literal}");
            }
        }
    }

    /// Each key with the variables in its text.
    fn variables(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in source(language)
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            if let Some((name, _)) = line.split_once(" = ")
                && !line.starts_with(' ')
            {
                assert!(
                    !found.contains_key(name),
                    "{language:?}: {name} is there twice"
                );
                key = name.to_owned();
            }
            let names = line.split("{ $").skip(1);
            let names = names.filter_map(|rest| rest.split(' ').next());
            let variables = found.entry(key.clone()).or_default();
            variables.extend(names.map(str::to_owned));
        }
        found
    }

    #[test]
    fn the_languages_say_the_same() {
        assert_eq!(variables(Language::English), variables(Language::German));
    }

    #[test]
    fn the_files_are_understood_whole() {
        for language in Language::ALL {
            let read = FluentResource::try_new(source(language).to_owned());
            let errors = read.map_err(|(_, errors)| errors).err();
            assert_eq!(errors, None, "{language:?}");
        }
    }
}
