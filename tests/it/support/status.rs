//! What an error of the API says, read back from its details.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::StatusExt as _;

/// The reason's name.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// What the reason comes with.
pub fn metadata(status: &Status) -> HashMap<String, String> {
    status.get_details_error_info().map(|info| info.metadata).unwrap_or_default()
}

/// The path of the one field at fault.
pub fn field(status: &Status) -> String {
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations[0].field.clone()
}
