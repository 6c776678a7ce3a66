//! What cannot be taken away at Zendesk: the rest goes all the same, for a week it is tried, and who
//! connects again leaves nothing behind.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{
        ConnectionKey, ConnectionState, Secret, SecretColumn, SecretPlace, SyncProblem,
        WebhookState,
    },
    proto::v1::DisconnectRequest,
    service::Removal,
    store::LeaseOwner,
};

use super::{HOOKS, Site, calls, execute, nothing_is_kept, texts, webhooks};
use crate::{
    sandbox::desk::HelpDesk,
    support::{Database, Replica, eventually, on_both_engines},
};

/// Another address of the service.
const OTHER_HOOKS: &str = "http://127.0.0.1:9/behind";
/// How long a lease lasts that somebody else holds: longer than any of this takes.
const LONG: Duration = Duration::from_mins(1);
/// How long a removal is tried, less a little and more than that.
const ALMOST_A_WEEK: Duration = Duration::from_mins(7 * 24 * 60 - 1);
const OVER_A_WEEK: Duration = Duration::from_secs(7 * 24 * 3_600 + 1);

/// Gives the connection an access token of this scope in place of its own, and answers it.
async fn give_token(
    db: &Database,
    site: &Site,
    help: &HelpDesk,
    key: &ConnectionKey,
    scope: &str,
) -> String {
    let token = help.desk.oauth.issue(scope);
    let place = SecretPlace { connection: key, column: SecretColumn::AccessToken };
    let sealed = site.keyring.seal(&Secret::new(token.clone()), place).unwrap();
    execute(db, &format!("update connections set access_token = '{}'", sealed.as_str())).await;
    token
}

/// Ends a connection while Zendesk asks to wait, so that its webhook stays for the time being.
async fn disconnect_in_vain(site: &Site, help: &HelpDesk, key: &ConnectionKey) {
    throttle(help, true);
    let ended = site.disconnect(key).await;
    assert_eq!(ended.connection.webhook, WebhookState::Removing);
    assert_eq!(webhooks(help, key).len(), 1);
}

fn throttle(help: &HelpDesk, throttle: bool) {
    help.desk.switches.turn(|switches| {
        (switches.throttle, switches.retry_after_seconds) = (throttle, 120);
    });
}

/// Has the removal go on at once, begun so long ago.
async fn try_again(db: &Database, begun: Duration) {
    let begun_at = clock::now().minus(begun).as_micros();
    let sql = format!(
        "update upkeep
            set webhook_due_at = {begun_at}, due_at = 0, paused_until = 0, failure_count = 0"
    );
    execute(db, &sql).await;
}

on_both_engines! {
    async fn where_the_webhook_may_not_be_removed_the_token_is_revoked_all_the_same(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let token = give_token(&db, &site, &help, &key, "tickets:read users:read").await;
        let ended = site.disconnect(&key).await;
        assert_eq!(ended.removal, Removal::Unconfirmed);
        assert_eq!(ended.connection.webhook, WebhookState::Absent);
        assert!(help.desk.oauth.token(&token, clock::now()).is_none(), "it lives on");
        assert_eq!(webhooks(&help, &key).len(), 1, "nobody was allowed to take it away");
        assert!(nothing_is_kept(&db).await);
    }

    async fn who_may_not_look_for_webhooks_still_removes_the_one_that_is_known(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let token = give_token(&db, &site, &help, &key, "webhooks:write").await;
        let ended = site.disconnect(&key).await;
        assert_eq!(ended.removal, Removal::Unconfirmed, "there may be others");
        assert!(webhooks(&help, &key).is_empty());
        assert!(help.desk.oauth.token(&token, clock::now()).is_none());
        assert!(nothing_is_kept(&db).await);
    }

    async fn a_removal_is_tried_for_a_week_whatever_goes_wrong_and_then_given_up_and_said(db: Database) {
        let help = HelpDesk::start().await;
        let service = Replica::run(&mut help.program(db.url(), HOOKS)).await;
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        let states = "select state || ' ' || webhook_state from connections";
        let stands = async |expected: &str| {
            eventually(expected, async || (texts(&db, states).await == [expected]).then_some(())).await;
        };
        stands("active registered").await;
        help.desk.switches.turn(|switches| switches.fail = 1.0);
        let request = DisconnectRequest {
            account_id: to.account_id.clone(),
            connection_id: to.connection_id.clone(),
            delete_tickets: false,
        };
        clients.connections.clone().disconnect(request).await.unwrap();
        stands("disconnected removing").await;

        // The trouble is much older than the removal, and the removal is not a week old.
        execute(&db, "update upkeep set problem = 'zendesk_unavailable', problem_at = 1").await;
        try_again(&db, ALMOST_A_WEEK).await;
        eventually("a try", async || {
            let failed = texts(&db, "select problem from upkeep where failure_count > 0").await;
            (!failed.is_empty()).then_some(())
        })
        .await;
        stands("disconnected removing").await;
        assert!(!service.log().contains("given up"), "{}", service.log());

        // The trouble is new, and the removal a week old.
        let now = clock::now().as_micros();
        let new = format!("update upkeep set problem = 'rate_limited', problem_at = {now}");
        execute(&db, &new).await;
        try_again(&db, OVER_A_WEEK).await;
        stands("disconnected absent").await;
        let given_up = service.log().matches("given up, it may still be at Zendesk").count();
        assert_eq!(given_up, 2, "the webhook and the token: {}", service.log());
        assert!(nothing_is_kept(&db).await);
    }

    async fn finishing_again_takes_up_the_webhook_that_was_to_be_removed(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let before = webhooks(&help, &key)[0].id.clone();
        disconnect_in_vain(&site, &help, &key).await;
        site.authorize(&help).await;
        site.connecting.finish(key.clone(), Vec::new(), clock::now()).await.unwrap();
        // A removal that began before is not to be let through halfway.
        let mut session = db.session().await;
        eventually("the end of the visit", async || {
            (session.integers("select lease_until from upkeep").await == [0]).then_some(())
        })
        .await;
        session.close().await;
        throttle(&help, false);
        site.look_again(&db).await;
        site.webhook(&key, WebhookState::Registered).await;
        let after: Vec<String> = webhooks(&help, &key).into_iter().map(|it| it.id).collect();
        assert_eq!(after, [before]);
    }

    async fn a_removal_that_connecting_again_overtakes_goes_on_with_the_new_tokens(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        disconnect_in_vain(&site, &help, &key).await;
        // The next try is under way with the old tokens.
        help.desk.switches.turn(|switches| {
            (switches.throttle, switches.hold_answers_ms) = (false, 700);
        });
        let asked = calls(&help).len();
        try_again(&db, Duration::ZERO).await;
        eventually("the try", async || (calls(&help).len() > asked).then_some(())).await;
        assert_eq!(site.authorize(&help).await.state, ConnectionState::AwaitingMapping);
        help.desk.switches.turn(|switches| switches.hold_answers_ms = 0);
        site.webhook(&key, WebhookState::Absent).await;
        assert!(webhooks(&help, &key).is_empty(), "nobody knows of it any more");
        let token = site.token(&key).await.unwrap();
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_some());
    }

    async fn a_removal_that_is_overtaken_by_the_next_end_too_is_done_anew(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        disconnect_in_vain(&site, &help, &key).await;
        // The next try has nothing more to do than to take note that it is done.
        help.desk.switches.turn(|switches| {
            (switches.throttle, switches.hold_answers_ms) = (false, 700);
        });
        try_again(&db, Duration::ZERO).await;
        eventually("the end of the old token", async || {
            help.desk.oauth.token(old.expose(), clock::now()).is_none().then_some(())
        })
        .await;
        help.desk.switches.turn(|switches| switches.hold_answers_ms = 0);
        site.authorize(&help).await;
        let new = site.token(&key).await.unwrap();
        assert_eq!(site.disconnect(&key).await.removal, Removal::Confirmed);
        assert!(help.desk.oauth.token(new.expose(), clock::now()).is_none(), "it lives on");
        assert!(nothing_is_kept(&db).await);
    }

    async fn who_connects_again_while_an_end_waits_for_the_lease_is_looked_after(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let somebody = LeaseOwner::random();
        let (lease, left) =
            site.store.claim_upkeep_of(&key, &somebody, LONG).await.unwrap().unwrap();
        let again = async {
            site.state(&key, ConnectionState::Disconnected).await;
            site.authorize(&help).await;
            site.connecting.finish(key.clone(), Vec::new(), clock::now()).await.unwrap();
            site.store.release_upkeep(&lease, &left).await.unwrap();
        };
        let (ended, ()) = tokio::join!(site.disconnect(&key), again);
        assert_eq!(ended.removal, Removal::Unconfirmed);
        site.webhook(&key, WebhookState::Registered).await;
        assert!(site.idle(&key).await.due_at.is_some(), "nobody looks after it any more");
        assert_eq!(webhooks(&help, &key).len(), 1);
        let token = site.token(&key).await.unwrap();
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_some());
    }

    async fn new_tokens_that_die_leave_the_removal_to_those_that_come_after_them(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        disconnect_in_vain(&site, &help, &key).await;
        site.authorize(&help).await;
        let token = site.token(&key).await.unwrap();
        let id = help.desk.oauth.token(token.expose(), clock::now()).unwrap().id;
        assert!(help.desk.oauth.revoke(id));
        throttle(&help, false);
        try_again(&db, Duration::ZERO).await;
        site.state(&key, ConnectionState::AwaitingAuthorization).await;
        eventually("the end of the try", async || {
            let upkeep = site.store.upkeep(&key).await.unwrap().unwrap();
            (upkeep.trouble?.problem == SyncProblem::Unauthorized).then_some(())
        })
        .await;
        assert_eq!(site.connection(&key).await.webhook, WebhookState::Removing);
        assert_eq!(webhooks(&help, &key).len(), 1);
        site.authorize(&help).await;
        site.webhook(&key, WebhookState::Absent).await;
        assert!(webhooks(&help, &key).is_empty());
    }

    async fn a_service_that_has_moved_leaves_no_webhook_at_its_old_address(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        site.stopping.cancel();
        site.tasks.close();
        site.tasks.wait().await;
        let moved = Site::on(site.store.clone(), &help, site.keyring.clone(), Some(OTHER_HOOKS));
        moved.look_again(&db).await;
        eventually("the new address", async || {
            let made = webhooks(&help, &key);
            let moved = made.iter().all(|it| it.told.endpoint.starts_with(OTHER_HOOKS));
            (moved && made.len() == 1).then_some(())
        })
        .await;
        moved.idle(&key).await;
        let known = texts(&db, "select webhook_id from connections").await;
        assert_eq!(known, [webhooks(&help, &key)[0].id.clone()]);
    }
}
