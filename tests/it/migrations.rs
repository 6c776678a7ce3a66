//! The two engines' schemas are one schema.

use std::{collections::BTreeMap, fs, path::Path};

/// The indexes that find something whose account is not known yet.
const ACROSS_ACCOUNTS: [&str; 2] = ["upkeep_by_due", "connections_by_id"];

/// A table as the migrations make it: its lines, and what follows the closing bracket.
struct Table {
    columns: Vec<(String, String)>,
    keys: Vec<String>,
    ending: String,
}

/// The migrations of an engine by file name.
fn migrations(engine: &str) -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = |file: fs::DirEntry| {
        (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())
    };
    files.map(read).collect()
}

/// The tables that an engine's migrations make.
fn tables(engine: &str) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for sql in migrations(engine).values() {
        for statement in sql.split(';').filter_map(|text| text.split_once("alter table ")) {
            let Some((name, column)) = statement.1.split_once(" add column ") else { continue };
            let (column, definition) = column.split_once(' ').unwrap();
            let table = tables.get_mut(name).unwrap();
            table.columns.push((column.to_owned(), definition.to_owned()));
        }
        for statement in sql.split(';').filter_map(|text| text.split_once("create table ")) {
            let (name, rest) = statement.1.split_once('(').unwrap();
            let (body, ending) = rest.rsplit_once("\n)").unwrap();
            let lines = body.lines().map(|line| line.trim().trim_end_matches(','));
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
            let is_key =
                |line: &&str| line.starts_with("primary key") || line.starts_with("unique");
            let (keys, columns): (Vec<&str>, Vec<&str>) = lines.partition(is_key);
            let column = |line: &&str| {
                let (name, definition) = line.split_once(' ').unwrap();
                let words: Vec<&str> = definition.split_whitespace().collect();
                (name.to_owned(), words.join(" "))
            };
            let table = Table {
                columns: columns.iter().map(column).collect(),
                keys: keys.into_iter().map(str::to_owned).collect(),
                ending: ending.trim().to_owned(),
            };
            tables.insert(name.trim().to_owned(), table);
        }
    }
    tables
}

/// The indexes that an engine's migrations make, as written.
fn indexes(engine: &str) -> Vec<String> {
    let sql: Vec<String> = migrations(engine).into_values().collect();
    let sql = sql.join("\n");
    let lines = sql.lines().filter(|line| line.starts_with("create") && line.contains(" index "));
    lines.map(str::to_owned).collect()
}

#[test]
fn both_engines_have_the_same_migrations() {
    let numbers = |engine: &str| migrations(engine).into_keys().collect::<Vec<String>>();
    assert_eq!(numbers("sqlite"), numbers("postgres"));
}

#[test]
fn both_engines_have_the_same_tables_columns_and_keys() {
    let (sqlite, postgres) = (tables("sqlite"), tables("postgres"));
    assert!(sqlite.keys().eq(postgres.keys()), "the tables differ");
    for (name, sqlite) in &sqlite {
        let postgres = &postgres[name];
        // A column is the same where its type means the same and both take, or refuse, null.
        let portable = |columns: &[(String, String)]| -> Vec<(String, String)> {
            let plain = |definition: &str| {
                definition.replace(" collate \"C\"", "").replace("bigint", "integer")
            };
            columns.iter().map(|(name, definition)| (name.clone(), plain(definition))).collect()
        };
        assert_eq!(portable(&sqlite.columns), portable(&postgres.columns), "columns of {name}");
        assert_eq!(sqlite.keys, postgres.keys, "keys of {name}");
    }
    assert_eq!(indexes("sqlite"), indexes("postgres"));
}

#[test]
fn every_key_begins_with_the_account() {
    for engine in ["sqlite", "postgres"] {
        for (name, table) in tables(engine) {
            assert!(!table.keys.is_empty(), "{name} has no key");
            for key in table.keys {
                assert!(key.contains("(account_id"), "{name}: {key}");
            }
        }
        for index in indexes(engine) {
            let across = ACROSS_ACCOUNTS.iter().any(|name| index.contains(name));
            assert!(across || index.contains(" (account_id"), "{index}");
        }
    }
}

#[test]
fn texts_compare_bytewise_and_tables_are_strict() {
    for (name, table) in tables("postgres") {
        for (column, definition) in table.columns {
            let text = definition.starts_with("text");
            assert!(!text || definition.contains("collate \"C\""), "{name}.{column}");
            assert!(text || definition.starts_with("bigint"), "{name}.{column} is not portable");
        }
    }
    for (name, table) in tables("sqlite") {
        assert!(table.ending.starts_with("strict"), "{name} is not strict");
    }
}
