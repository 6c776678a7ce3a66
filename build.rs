//! Compiles the contract with protox, so that no protoc has to be installed, and writes the tables
//! that stand in it as enum-value options down as Rust constants.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, Value};

const PROTO_DIR: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_DIR}");
    println!("cargo:rerun-if-changed=migrations");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files: Vec<PathBuf> = fs::read_dir(format!("{PROTO_DIR}/ticketsync/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();

    let mut compiler = protox::Compiler::new([PROTO_DIR])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    // Encoded by protox itself: prost's own descriptor types would drop our options.
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &encoded)?;

    tonic_prost_build::configure().compile_fds(prost_types_set(&encoded)?)?;
    fs::write(out.join("tables.rs"), tables(&DescriptorPool::decode(encoded.as_slice())?)?)?;
    Ok(())
}

fn prost_types_set(encoded: &[u8]) -> Result<tonic_prost_build::FileDescriptorSet, Box<dyn Error>> {
    Ok(tonic_prost_build::FileDescriptorSet::decode(encoded)?)
}

fn tables(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let mut rust = String::new();
    let rows = rows(pool, "TicketField", "ticket_field")?;
    writeln!(rust, "/// The 22 ticket fields, in order.")?;
    writeln!(rust, "pub const TICKET_FIELDS: [TicketFieldRow; {}] = [", rows.len())?;
    for (number, row) in &rows {
        writeln!(
            rust,
            "    TicketFieldRow {{ number: {number}, key: {:?}, label_nl: {:?}, label_en: {:?}, \
             field_type: {}, object_column: {}, column_label_nl: {:?}, column_label_en: {:?} }},",
            text(row, "key"),
            text(row, "label_nl"),
            text(row, "label_en"),
            number_of(row, "type"),
            flag(row, "object_column"),
            or(text(row, "column_label_nl"), text(row, "label_nl")),
            or(text(row, "column_label_en"), text(row, "label_en")),
        )?;
    }
    writeln!(rust, "];")?;

    let rows = self::rows(pool, "TriggerKind", "trigger_kind")?;
    writeln!(rust, "/// The trigger kinds, in order.")?;
    writeln!(rust, "pub const TRIGGER_KINDS: [TriggerKindRow; {}] = [", rows.len())?;
    for (number, row) in &rows {
        writeln!(
            rust,
            "    TriggerKindRow {{ number: {number}, name_nl: {:?}, name_en: {:?} }},",
            text(row, "name_nl"),
            text(row, "name_en"),
        )?;
    }
    writeln!(rust, "];")?;

    writeln!(rust, "impl ErrorReason {{")?;
    writeln!(
        rust,
        "    /// The canonical number of the status code that the reason travels with."
    )?;
    writeln!(
        rust,
        "    #[must_use]\n    pub const fn code(self) -> i32 {{\n        match self {{"
    )?;
    writeln!(rust, "            Self::Unspecified => 13,")?;
    let reasons = self::rows(pool, "ErrorReason", "error_reason")?;
    let variants = variants(pool, "ErrorReason")?;
    for (number, row) in &reasons {
        writeln!(rust, "            Self::{} => {},", variants(*number), number_of(row, "code"))?;
    }
    writeln!(rust, "        }}\n    }}")?;
    writeln!(rust, "    /// Whether the same call, repeated later, may succeed.")?;
    writeln!(rust, "    #[must_use]\n    pub const fn retryable(self) -> bool {{")?;
    let retryable: Vec<String> = reasons
        .iter()
        .filter(|(_, row)| flag(row, "retryable"))
        .map(|(number, _)| format!("Self::{}", variants(*number)))
        .collect();
    writeln!(rust, "        matches!(self, {})\n    }}\n}}", retryable.join(" | "))?;
    Ok(rust)
}

/// The values of an enum that carry the option, with the option's message.
fn rows(
    pool: &DescriptorPool,
    name: &str,
    option: &str,
) -> Result<Vec<(i32, DynamicMessage)>, Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name(&format!("ticketsync.v1.{option}"))
        .ok_or_else(|| format!("the contract has no option {option}"))?;
    let mut rows = Vec::new();
    for value in descriptor(pool, name)?.values().filter(|value| value.number() != 0) {
        match value.options().get_extension(&extension).as_ref() {
            Value::Message(row) if value.options().has_extension(&extension) => {
                rows.push((value.number(), row.clone()));
            }
            _ => return Err(format!("{} has no option {option}", value.full_name()).into()),
        }
    }
    Ok(rows)
}

/// Names the Rust variant of an enum's value: the value's name without its prefix, in camel case.
fn variants(pool: &DescriptorPool, name: &str) -> Result<impl Fn(i32) -> String, Box<dyn Error>> {
    let descriptor = descriptor(pool, name)?;
    let prefix: String = name
        .chars()
        .enumerate()
        .flat_map(|(at, letter)| {
            let gap = (at > 0 && letter.is_ascii_uppercase()).then_some('_');
            gap.into_iter().chain([letter.to_ascii_uppercase()])
        })
        .chain(['_'])
        .collect();
    Ok(move |number| {
        let name =
            descriptor.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default();
        name.trim_start_matches(&prefix)
            .split('_')
            .map(|word| word[..1].to_owned() + &word[1..].to_ascii_lowercase())
            .collect()
    })
}

fn descriptor(pool: &DescriptorPool, name: &str) -> Result<EnumDescriptor, Box<dyn Error>> {
    pool.get_enum_by_name(&format!("ticketsync.v1.{name}"))
        .ok_or_else(|| format!("the contract has no enum {name}").into())
}

fn text(row: &DynamicMessage, field: &str) -> String {
    row.get_field_by_name(field)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn flag(row: &DynamicMessage, field: &str) -> bool {
    row.get_field_by_name(field).and_then(|value| value.as_bool()).unwrap_or_default()
}

fn number_of(row: &DynamicMessage, field: &str) -> i32 {
    row.get_field_by_name(field).and_then(|value| value.as_enum_number()).unwrap_or_default()
}

fn or(text: String, fallback: String) -> String {
    if text.is_empty() { fallback } else { text }
}
