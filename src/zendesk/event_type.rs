//! The types of events that a webhook is subscribed to.

use crate::domain::HintKind;

/// What every type of a ticket's event starts with.
const PREFIX: &str = "zen:event-type:ticket.";

/// The events that touch one of the 22 fields or the ticket's being there, and what each hints at.
/// No other event is asked for.
const TYPES: [(&str, HintKind); 23] = [
    ("created", HintKind::Created),
    ("agent_assignment_changed", HintKind::Changed),
    ("brand_changed", HintKind::Changed),
    ("comment_added", HintKind::Changed),
    ("custom_status_changed", HintKind::Changed),
    ("status_changed", HintKind::Changed),
    ("description_changed", HintKind::Changed),
    ("external_id_changed", HintKind::Changed),
    ("form_changed", HintKind::Changed),
    ("group_assignment_changed", HintKind::Changed),
    ("organization_changed", HintKind::Changed),
    ("priority_changed", HintKind::Changed),
    ("problem_link_changed", HintKind::Changed),
    ("requester_changed", HintKind::Changed),
    ("subject_changed", HintKind::Changed),
    ("submitter_changed", HintKind::Changed),
    ("task_due_at_changed", HintKind::Changed),
    ("type_changed", HintKind::Changed),
    ("merged", HintKind::Changed),
    ("marked_as_spam", HintKind::Changed),
    ("soft_deleted", HintKind::SoftDeleted),
    ("undeleted", HintKind::Undeleted),
    ("permanently_deleted", HintKind::PermanentlyDeleted),
];

/// The types a webhook is subscribed to, whole, in their order.
pub fn subscriptions() -> impl Iterator<Item = String> {
    TYPES.iter().map(|(name, _)| format!("{PREFIX}{name}"))
}

/// The types of this kind of event, whole, in their order.
pub fn event_types(kind: HintKind) -> impl Iterator<Item = String> {
    let of_kind = TYPES.iter().filter(move |(_, hinted)| *hinted == kind);
    of_kind.map(|(name, _)| format!("{PREFIX}{name}"))
}

/// What an event of this type hints at; none where it is of no interest.
pub(super) fn hinted(event_type: &str) -> Option<HintKind> {
    let name = event_type.strip_prefix(PREFIX)?;
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_subscription_is_told_apart_and_hints_at_something() {
        let all: HashSet<String> = subscriptions().collect();
        assert_eq!(all.len(), 23);
        assert!(all.iter().all(|event_type| hinted(event_type).is_some()));
    }

    #[test]
    fn other_types_are_of_no_interest() {
        for other in [
            "",
            "created",
            "ticket.created",
            "zen:event-type:ticket.",
            "zen:event-type:ticket.updated",
            "zen:event-type:ticket.created ",
            "zen:event-type:ticket.Created",
            "zen:event-type:ticket.tags_changed",
            "zen:event-type:user.created",
        ] {
            assert_eq!(hinted(other), None, "{other}");
        }
    }
}
