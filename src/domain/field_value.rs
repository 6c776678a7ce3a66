//! What a ticket field holds, and its values one by one.

use serde::{Deserialize, Serialize};

use super::{Status, TicketPriority, TicketType, Timestamp, ZendeskId};

/// Writes down, of the types that a ticket's fields have, what they hold and how one value is told.
macro_rules! field_values {
    ($($(#[$attribute:meta])* $variant:ident: $type:ty,)*) => {
        /// One value of a ticket field.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FieldValue {
            None,
            $($(#[$attribute])* $variant($type),)*
        }

        /// What a ticket field holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FieldKind {
            $($(#[$attribute])* $variant,)*
        }

        $(
            impl From<$type> for FieldValue {
                fn from(value: $type) -> Self {
                    Self::$variant(value)
                }
            }

            impl Holds for $type {
                const KIND: FieldKind = FieldKind::$variant;
            }
        )*
    };
}

/// The type of a ticket's field.
pub(super) trait Holds {
    /// What the field holds.
    const KIND: FieldKind;
}

impl<T: Holds> Holds for Option<T> {
    const KIND: FieldKind = T::KIND;
}

field_values! {
    Status: Status,
    Priority: TicketPriority,
    Type: TicketType,
    Integer: ZendeskId,
    Timestamp: Timestamp,
    Text: String,
}

impl<T: Into<FieldValue>> From<Option<T>> for FieldValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
