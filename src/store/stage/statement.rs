//! A statement over staged rows, in the texts of both engines.

use std::sync::OnceLock;

use super::{cell::Kind, rows::Stage};

/// A statement over staged rows. Lives in a `static`, so that its two texts are built once.
pub struct Staged {
    pub(super) columns: &'static [(&'static str, Kind)],
    /// What a query selects; none for a statement that answers nothing.
    select: Option<&'static str>,
    /// The text that a query answers beside its rows.
    long: Option<&'static str>,
    postgres_body: &'static str,
    sqlite_body: &'static str,
    postgres: OnceLock<String>,
    sqlite: OnceLock<String>,
}

impl Staged {
    /// A statement whose text is the same on both engines.
    pub const fn new(columns: &'static [(&'static str, Kind)], body: &'static str) -> Self {
        Self::build(columns, None, body, body)
    }

    /// A query that selects these columns, in the order of the fields they are read into, and goes
    /// on with `from`.
    pub const fn query(
        columns: &'static [(&'static str, Kind)],
        select: &'static str,
        from: &'static str,
    ) -> Self {
        Self::build(columns, Some(select), from, from)
    }

    /// A query for which the dialects differ behind what it selects.
    pub const fn two_queries(
        columns: &'static [(&'static str, Kind)],
        select: &'static str,
        postgres_from: &'static str,
        sqlite_from: &'static str,
    ) -> Self {
        Self::build(columns, Some(select), postgres_from, sqlite_from)
    }

    /// A write for which the dialects differ.
    pub const fn two_writes(
        columns: &'static [(&'static str, Kind)],
        postgres: &'static str,
        sqlite: &'static str,
    ) -> Self {
        Self::build(columns, None, postgres, sqlite)
    }

    /// The same query for a bundle, which answers this text of each row beside the rows: a document
    /// is not escaped as part of another. Each row ends with how many bytes are its own.
    pub const fn beside(mut self, long: &'static str) -> Self {
        self.long = Some(long);
        self
    }

    const fn build(
        columns: &'static [(&'static str, Kind)],
        select: Option<&'static str>,
        postgres_body: &'static str,
        sqlite_body: &'static str,
    ) -> Self {
        Self {
            columns,
            select,
            long: None,
            postgres_body,
            sqlite_body,
            postgres: OnceLock::new(),
            sqlite: OnceLock::new(),
        }
    }

    /// An empty stage for the statement.
    pub const fn stage<'a>(&'static self) -> Stage<'a> {
        Stage::new(self)
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.columns.iter().map(|(_, kind)| *kind)
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The text by itself.
    pub(super) fn postgres(&'static self) -> &'static str {
        self.postgres.get_or_init(|| self.postgres_from(1))
    }

    /// The text by itself.
    pub(super) fn sqlite(&'static self) -> &'static str {
        self.sqlite.get_or_init(|| self.sqlite_from(1))
    }

    /// The text with its first parameter numbered so: it takes one for each column.
    pub(super) fn postgres_from(&self, first: usize) -> String {
        let select = self.select.map(|columns| format!("select {columns} "));
        self.postgres_selecting(first, &select.unwrap_or_default())
    }

    /// The same as [`Staged::sqlite_from`]: a query answers one row, a JSON array of rows.
    pub(super) fn postgres_json_from(&self, first: usize) -> String {
        let select = self
            .answering(|row| format!("coalesce(json_agg(json_build_array({row})), '[]')::text"));
        self.postgres_selecting(first, &select)
    }

    fn postgres_selecting(&self, first: usize, select: &str) -> String {
        let arrays: Vec<String> = self
            .columns
            .iter()
            .zip(first..)
            .map(|((_, kind), at)| match kind {
                Kind::Text | Kind::Long => format!("unnest(${at}::text[])"),
                Kind::Int => format!("unnest(${at}::bigint[])"),
            })
            .collect();
        let (names, arrays) = (self.names(), arrays.join(", "));
        // In the select list they are walked side by side; in `from` each array would be written
        // into a store of its own first.
        format!(
            "with recursive stage({names}) as (select {arrays})\n{select}{}",
            self.postgres_body
        )
    }

    /// How many parameters the text takes for `SQLite`: the rows, and the blob where some are long.
    pub(super) fn sqlite_parameters(&self) -> usize {
        if self.kinds().any(|kind| matches!(kind, Kind::Long)) { 2 } else { 1 }
    }

    /// The text with its first parameter numbered so. A query answers one row, a JSON array of rows:
    /// each row of an answer costs the driver a hand-over between threads, which takes longer than
    /// finding it.
    pub(super) fn sqlite_from(&self, first: usize) -> String {
        let blob = first + 1;
        let mut at = 0;
        let mut values = Vec::new();
        for kind in self.kinds() {
            match kind {
                Kind::Text | Kind::Int => {
                    values.push(format!("value ->> {at}"));
                    at += 1;
                }
                // A slice of the blob: where it begins, and how long it is.
                Kind::Long => {
                    let length = at + 1;
                    values.push(format!(
                        "cast(substr(${blob}, value ->> {at}, value ->> {length}) as text)"
                    ));
                    at += 2;
                }
            }
        }
        let (names, values) = (self.names(), values.join(", "));
        let select = self.answering(|row| format!("json_group_array(json_array({row}))"));
        format!(
            "with recursive stage({names}) as (select {values} from json_each(${first}))\n{select}{}",
            self.sqlite_body
        )
    }

    /// The head of a query that answers one text: the rows as JSON, then what stands beside them, end
    /// to end.
    fn answering(&self, rows: impl Fn(&str) -> String) -> String {
        match (self.select, self.long) {
            (None, _) => String::new(),
            (Some(columns), None) => format!("select {} ", rows(columns)),
            (Some(columns), Some(long)) => {
                let rows = rows(&format!("{columns}, octet_length({long})"));
                format!("select {rows} || coalesce(string_agg({long}, ''), '') ")
            }
        }
    }
}
