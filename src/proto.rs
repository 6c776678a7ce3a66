//! The contract, as generated from `proto/ticketsync/v1`, with the tables that stand in it.

/// Version 1 of the contract.
#[expect(
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::allow_attributes,
    reason = "generated code; the contract's own comments are its documentation"
)]
pub mod v1 {
    tonic::include_proto!("ticketsync.v1");
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));

    /// A row of the table of ticket fields.
    #[derive(Debug, Clone, Copy)]
    pub struct TicketFieldRow {
        pub number: i32,
        pub key: &'static str,
        pub label_nl: &'static str,
        pub label_en: &'static str,
        /// The number of its `TicketFieldType`.
        pub field_type: i32,
        pub object_column: bool,
        pub column_label_nl: &'static str,
        pub column_label_en: &'static str,
    }

    /// A row of the table of trigger kinds.
    #[derive(Debug, Clone, Copy)]
    pub struct TriggerKindRow {
        pub number: i32,
        pub name_nl: &'static str,
        pub name_en: &'static str,
    }
}

/// The encoded file descriptors, for reflection; they keep the options and the comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
