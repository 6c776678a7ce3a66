//! A Rust source file, as far as the rules of the repository have to understand it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file: its whole text, its code without comments and string contents, its strings.
pub struct Source {
    /// The path from the root of the repository.
    pub path: String,
    pub text: String,
    /// The code, every literal emptied and every comment gone, test modules included.
    pub code: String,
    /// The contents of the string literals.
    pub strings: Vec<String>,
}

impl Source {
    /// Reads every source file under a directory of the repository.
    pub fn all(dir: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        collect(&root.join(dir), &mut files);
        files.sort();
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path).unwrap();
            Self::new(path.strip_prefix(root).unwrap().to_str().unwrap(), text)
        };
        files.into_iter().map(read).collect()
    }

    /// Reads a text as the source file of this path.
    pub fn new(path: &str, text: String) -> Self {
        let (code, strings) = lex(&text);
        Self { path: path.to_owned(), text, code, strings }
    }

    /// The floor the file stands on: the module of the crate that it is, or is part of.
    pub fn floor(&self) -> &str {
        let path = self.path.trim_start_matches("src/");
        path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
    }

    /// Whether it is a file of the library that only its tests see.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The code without the modules that only tests see.
    pub fn code_without_tests(&self) -> String {
        if self.is_test() {
            return String::new();
        }
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let rest = &code[start..];
            let end = match (rest.find('{'), rest.find(';')) {
                (Some(open), semicolon) if semicolon.is_none_or(|at| open < at) => {
                    start + open + block(&rest[open..])
                }
                (_, Some(semicolon)) => start + semicolon + 1,
                (_, None) => code.len(),
            };
            code.replace_range(start..end, "");
        }
        code
    }

    /// The modules of the crate that the code names by `crate::`.
    pub fn crate_modules(&self) -> Vec<String> {
        let mut modules = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            if rest.starts_with('{') {
                modules.extend(heads(&rest[1..block(rest) - 1]));
            } else {
                modules.push(word(rest));
            }
        }
        modules
    }

    /// Whether the code names this crate, as `name::`.
    pub fn names_crate(&self, name: &str) -> bool {
        let path = format!("{name}::");
        self.code.match_indices(&path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
                && !self.code[..at].ends_with("::")
        })
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn word(code: &str) -> String {
    code.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The first word of each item of a braced list of paths.
fn heads(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ => {}
        }
        items.last_mut().unwrap().push(letter);
    }
    let heads = items.iter().map(|item| word(item.trim_start_matches([',', ' ', '\n'])));
    heads.filter(|head| !head.is_empty()).collect()
}

/// The length of the block that the code begins with, both braces included.
fn block(code: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Parts a text into its code, with literals emptied, and the contents of its strings.
fn lex(text: &str) -> (String, Vec<String>) {
    let (mut code, mut strings) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(hashes) = raw_string(rest) {
            let close = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            let length = rest[start..].find(&close).expect("a raw string ends");
            strings.push(rest[start..start + length].to_owned());
            code.push_str("\"\"");
            start + length + close.len()
        } else if letter == '"' {
            let length = literal(&rest[1..], '"');
            strings.push(rest[1..=length].to_owned());
            code.push_str("\"\"");
            length + 2
        } else if let Some(length) = character(rest) {
            code.push_str("' '");
            length
        } else {
            code.push(letter);
            letter.len_utf8()
        };
        rest = &rest[taken..];
    }
    (code, strings)
}

/// The number of hashes, where a raw string begins.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?;
    let quote = hashes.trim_start_matches('#');
    quote.starts_with('"').then(|| hashes.len() - quote.len())
}

/// The length up to the closing quote, escapes skipped.
fn literal(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, where one begins rather than a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let letter = inner.chars().next()?;
    let closed = letter == '\\' || inner[letter.len_utf8()..].starts_with('\'');
    closed.then(|| literal(inner, '\'') + 2)
}
