//! Closed lists that are stored as words.

/// Writes the storing and the reading of a closed list from one list.
macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident => $word:literal,)*) => {
        impl $type {
            /// Every value, for tables and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word it is stored as.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::domain::Invalid;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::domain::Invalid::new(concat!("is no ", $what))),
                }
            }
        }
    };
}

pub(super) use words;
