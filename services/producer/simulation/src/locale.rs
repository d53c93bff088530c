//! The language that a ward's names are in.

use std::fmt;
use std::str::FromStr;

use crate::names::{self, Names};

/// The language of a ward's names, with or without a country, as in `fr` or `de-CH`. The language decides; any country is
/// accepted.
#[derive(Clone, Copy)]
pub struct Locale {
    language: &'static str,
    pub(crate) names: &'static Names,
}

/// A locale whose language has no names here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no names are known for the locale \"{asked}\": it must be one of {}, with or without a country, as in de-CH",
    known()
)]
pub struct UnknownLocale {
    /// What was asked for.
    pub asked: String,
}

/// The languages that there are names in, with these.
const LANGUAGES: [(&str, &Names); 7] = [
    ("de", &names::de::NAMES),
    ("en", &names::en::NAMES),
    ("es", &names::es::NAMES),
    ("fr", &names::fr::NAMES),
    ("it", &names::it::NAMES),
    ("nl", &names::nl::NAMES),
    ("pt", &names::pt::NAMES),
];

fn known() -> String {
    Locale::languages().collect::<Vec<_>>().join(", ")
}

impl Locale {
    /// The languages that there are names in, such as `fr`.
    pub fn languages() -> impl Iterator<Item = &'static str> {
        LANGUAGES.into_iter().map(|(language, _)| language)
    }

    /// The language, such as `fr`.
    pub const fn language(&self) -> &'static str {
        self.language
    }
}

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownLocale { asked: text.to_owned() };
        let (asked, country) =
            text.split_once('-').map_or((text, None), |(asked, country)| (asked, Some(country)));
        if !country
            .is_none_or(|country| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return Err(unknown());
        }
        let found = LANGUAGES.into_iter().find(|(language, _)| *language == asked);
        found.map(|(language, names)| Self { language, names }).ok_or_else(unknown)
    }
}

impl PartialEq for Locale {
    fn eq(&self, other: &Self) -> bool {
        self.language == other.language
    }
}

impl Eq for Locale {}

impl fmt::Debug for Locale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Locale").field(&self.language).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_decides_and_a_country_is_accepted() {
        for language in Locale::languages() {
            let locale: Locale = language.parse().unwrap();
            assert_eq!(format!("{language}-CH").parse(), Ok(locale));
            assert_eq!(locale.language(), language);
        }
    }

    #[test]
    fn what_is_unknown_is_told_with_what_is_known() {
        for text in ["", "f", "xx", "fr-", "fr-fr", "fr_FR", "fra", "FR", "-FR", "fr-FR-x"] {
            let error = text.parse::<Locale>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "no names are known for the locale \"{text}\": it must be one of de, en, es, fr, it, nl, pt, \
                     with or without a country, as in de-CH"
                )
            );
        }
    }
}
