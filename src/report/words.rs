//! Texts by key and language. A key that a language lacks is said in English; a test sees to it that there is none.

use crate::base::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use std::sync::OnceLock;
use unic_langid::LanguageIdentifier;

const fn source(language: Language) -> &'static str {
    match language {
        // German readers get English until there is a file of their own.
        Language::English | Language::German => include_str!("texts/en.ftl"),
    }
}

/// The texts of one language.
pub(super) struct Words(FluentBundle<FluentResource>);

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
        Self(bundle)
    }

    /// The text of a key, its variables filled in, on one line; `None` when there is none.
    pub fn find(&self, key: &str, values: &[(&str, &str)]) -> Option<String> {
        let pattern = self.0.get_message(key)?.value()?;
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, *value);
        }
        let mut errors = Vec::new();
        let text = self
            .0
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
