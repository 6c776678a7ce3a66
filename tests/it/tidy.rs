//! The rules of the repository that no compiler keeps.

use ticketsync::proto::v1::ErrorReason;

use crate::support::Source;

/// Past this a file holds a second noun, whatever it is about.
const MAX_FILE_LINES: usize = 400;

/// Crates that belong to one place, and the floors that are it. The sandbox stands outside: it is
/// a Zendesk, a browser and a client of the service.
const PLACES: [(&str, &[&str]); 7] = [
    ("sqlx", &["store"]),
    ("reqwest", &["zendesk", "sandbox"]),
    ("axum", &["http", "sandbox"]),
    ("prost", &["proto", "rpc", "sandbox"]),
    ("prost_types", &["proto", "rpc", "sandbox"]),
    ("tonic", &["proto", "error", "rpc", "server", "sandbox"]),
    ("clap", &["cli", "main"]),
];

/// Floors that may name the generated contract: the error takes its reasons' codes from there.
const KNOW_THE_CONTRACT: [&str; 5] = ["proto", "error", "rpc", "server", "sandbox"];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "common", "helpers", "helper", "types", "models", "misc"];

fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// The files that the code map of ARCHITECTURE.md names, as paths from the root without their ending; a
/// folder ends with a slash. Under the name of a floor they are told from there.
fn mapped() -> Vec<String> {
    let text = include_str!("../../ARCHITECTURE.md");
    let (_, map) = text.split_once("## Code map").unwrap();
    let (map, _) = map.split_once("### Tests").unwrap();
    let mut paths = Vec::new();
    for section in map.split("\n### ") {
        let title = section.lines().next().unwrap_or_default();
        let floor = title.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        let root = floor.map_or("src/".into(), |floor| format!("src/{floor}/"));
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('|'));
        for name in rows.flat_map(|(names, _)| names.split('`').step_by(2)) {
            let (head, rest) = name.split_once('{').unwrap_or((name, "}"));
            let (list, tail) = rest.split_once('}').unwrap();
            let spelled = list.split(',').map(|part| format!("{root}{head}{part}{tail}"));
            paths.extend(spelled.map(|path| path.trim_end_matches(".rs").to_owned()));
        }
    }
    paths
}

/// The floors in the order in which `lib.rs` lists them, with the program on top.
fn floors() -> Vec<String> {
    let sources = Source::all("src");
    let lib = sources.iter().find(|source| source.path == "src/lib.rs").unwrap();
    let modules = lib.code.lines().filter_map(|line| line.trim().strip_prefix("pub mod "));
    let modules = modules.map(|name| name.trim_end_matches(';').to_owned());
    modules.chain(["lib".to_owned(), "main".to_owned()]).collect()
}

#[test]
fn each_floor_knows_only_those_before_it() {
    let floors = floors();
    let height = |floor: &str| floors.iter().position(|name| name == floor);
    let mut offences = Vec::new();
    for source in Source::all("src") {
        let own = height(source.floor()).unwrap_or_else(|| panic!("{}: no floor", source.path));
        for module in source.crate_modules() {
            if height(&module).is_some_and(|other| other > own) {
                offences.push(format!("{} names crate::{module}", source.path));
            }
        }
        let top = source.path.matches('/').count() == 1 || source.path.ends_with("/mod.rs");
        let code = source.code_without_tests();
        if code.contains("super::super::") || top && code.contains("super::") {
            offences.push(format!("{} climbs out of its floor by super::", source.path));
        }
    }
    assert_none("a floor knows only those before it in lib.rs", &offences);
}

#[test]
fn the_contract_is_named_only_where_it_is_spoken() {
    let knows = |source: &Source| KNOW_THE_CONTRACT.contains(&source.floor());
    let offences: Vec<String> = Source::all("src")
        .into_iter()
        .filter(|source| !knows(source) && source.crate_modules().contains(&"proto".to_owned()))
        .map(|source| source.path)
        .collect();
    assert_none("generated protobuf stays in rpc", &offences);
}

#[test]
fn each_crate_is_named_only_in_its_place() {
    let mut offences = Vec::new();
    for source in Source::all("src") {
        for (name, floors) in PLACES {
            if source.names_crate(name) && !floors.contains(&source.floor()) {
                offences.push(format!("{} names {name}", source.path));
            }
        }
    }
    assert_none("a crate is named in its own place only", &offences);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(Source::all);
    let offences: Vec<String> =
        files.filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert_none("a file opens with one sentence after //!", &offences);
}

#[test]
fn no_file_is_too_long() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(Source::all);
    let long = files.filter(|source| source.text.lines().count() > MAX_FILE_LINES);
    let offences: Vec<String> = long.map(|source| source.path).collect();
    assert_none("past 400 lines a file holds a second noun", &offences);
}

#[test]
fn the_code_map_names_every_file_and_none_that_is_not_there() {
    // They hold what is in others, in order.
    const LISTS: [&str; 2] = ["lib", "mod"];
    let files = Source::all("src").into_iter().filter(|source| !source.is_test());
    let files: Vec<String> = files.map(|source| source.path).collect();
    let mapped = mapped();
    let covers = |file: &str, path: &str| {
        let file = file.trim_end_matches(".rs");
        file == path || path.ends_with('/') && file.starts_with(path)
    };
    let missing = files.iter().filter(|file| {
        let name = file.trim_end_matches(".rs").rsplit('/').next().unwrap_or(file);
        !LISTS.contains(&name) && !mapped.iter().any(|path| covers(file, path))
    });
    let mut offences: Vec<String> = missing.map(|file| format!("{file} is missing")).collect();
    let is_there = |path: &str| {
        let floor = format!("{path}/mod");
        files.iter().any(|file| covers(file, path) || covers(file, &floor))
    };
    let stale = mapped.iter().filter(|path| !is_there(path));
    offences.extend(stale.map(|path| format!("{path} is not there")));
    assert_none("ARCHITECTURE.md's code map is of the code", &offences);
}

#[test]
fn every_module_is_named_for_what_is_inside() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(Source::all);
    let empty = |source: &Source| {
        source.path.trim_end_matches(".rs").split('/').any(|part| EMPTY_NAMES.contains(&part))
    };
    let offences: Vec<String> = files.filter(empty).map(|source| source.path).collect();
    assert_none("a module's name says what is inside", &offences);
}

#[test]
fn nothing_panics_or_silences_a_lint_outside_tests() {
    const FORBIDDEN: [&str; 8] = [
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        "todo!",
        "unimplemented!",
        "dbg!",
        "#[allow",
        "#![allow",
    ];
    let mut offences = Vec::new();
    for source in Source::all("src") {
        let code = source.code_without_tests();
        let found = FORBIDDEN.iter().filter(|word| code.contains(**word));
        offences.extend(found.map(|word| format!("{}: {word}", source.path)));
    }
    assert_none("unwrap and expect live in tests, allow nowhere", &offences);
}

#[test]
fn sql_is_lower_case() {
    const VERBS: [&str; 5] = ["select ", "insert ", "update ", "delete ", "with "];
    let mut offences = Vec::new();
    for source in Source::all("src/store") {
        for string in &source.strings {
            let start = string.trim_start().to_ascii_lowercase();
            let shouts = string.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let mut shouts = shouts.filter(|word| {
                word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase())
            });
            if let (true, Some(word)) =
                (VERBS.iter().any(|verb| start.starts_with(verb)), shouts.next())
            {
                offences.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_none("SQL is lower case", &offences);
}

#[test]
fn no_test_sleeps_in_place_of_waiting() {
    // These two look at what tells nobody of its change, with a bound.
    const LOOK: [&str; 2] = ["tests/it/support/wait.rs", "tests/it/support/postgres.rs"];
    let sleeps =
        |source: &Source| !LOOK.contains(&source.path.as_str()) && source.code.contains("sleep(");
    let offences: Vec<String> =
        Source::all("tests").into_iter().filter(sleeps).map(|source| source.path).collect();
    assert_none("a test waits for what it needs, with a bound", &offences);
}

#[test]
fn every_reason_of_an_error_is_reached_by_a_test() {
    let tests = Source::all("tests/it");
    let reached =
        |name: &str| tests.iter().any(|test| test.strings.iter().any(|text| text == name));
    let reasons = (1..).map_while(|number| ErrorReason::try_from(number).ok());
    let names = reasons.map(|reason| reason.as_str_name().trim_start_matches("ERROR_REASON_"));
    let offences: Vec<String> =
        names.filter(|name| !reached(name)).map(ToOwned::to_owned).collect();
    assert_none("a test reaches each reason and names it", &offences);
}

#[test]
fn the_rules_see_through_comments_strings_and_nested_lists() {
    let text = r##"//! A file.
use crate::{domain::{Ticket, time}, store::Store, error};
// crate::rpc is only a comment, and 'a is no character
const SQL: &str = "select 1 from crate::http"; const RAW: &str = r#"say "axum::" "#;
fn f<'a>(quote: char) -> bool { quote == '"' && crate::clock::now() }
#[cfg(test)]
mod tests { fn g() { x.unwrap() } }
"##;
    let source = Source::new("src/service/feed.rs", text.into());
    assert_eq!(source.floor(), "service");
    assert_eq!(source.crate_modules(), ["domain", "store", "error", "clock"]);
    assert_eq!(source.strings, ["select 1 from crate::http", "say \"axum::\" "]);
    assert!(!source.names_crate("axum") && source.code.contains(".unwrap()"));
    assert!(!source.code_without_tests().contains(".unwrap()"));
}
