//! Arguments that are not repeated when they do not parse.

use std::{ffi::OsStr, fmt::Display, marker::PhantomData, str::FromStr};

use clap::{Arg, Command, Error, builder::TypedValueParser, error::ErrorKind};

/// Parses a value that holds a secret. clap's own parsers quote what they refuse, and what a service
/// writes to its standard error ends in a log.
pub struct Discreet<T>(PhantomData<fn() -> T>);

impl<T> Discreet<T> {
    /// Parses by `FromStr`, whose error has to be as discreet.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for Discreet<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T> TypedValueParser for Discreet<T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Display,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        let refuse = |problem: &dyn Display| {
            let argument = argument.map_or_else(String::new, ToString::to_string);
            Error::raw(ErrorKind::ValueValidation, format!("the value of {argument}: {problem}\n"))
                .with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| refuse(&"is not UTF-8"))?;
        text.parse().map_err(|problem| refuse(&problem))
    }
}
