//! The webhook of a connection: registered, found again, put right, and alone.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{
        ConnectionKey, ConnectionState, Secret, SecretColumn, SecretPlace, SyncProblem,
        WebhookState,
    },
    sandbox::zendesk::{Format, Method, WebhookInput, WebhookStatus},
    zendesk::subscriptions,
};

use super::{HOOKS, Site, calls, execute, texts, webhooks};
use crate::{
    sandbox::desk::HelpDesk,
    support::{eventually, on_both_engines},
};

/// A webhook as somebody may have made it at the help desk.
fn input(name: String, endpoint: String, status: WebhookStatus) -> WebhookInput {
    WebhookInput {
        name,
        endpoint,
        http_method: Method::Post,
        request_format: Format::Json,
        status,
        subscriptions: subscriptions().collect(),
    }
}

/// Another webhook of the connection's name and address.
fn twin(key: &ConnectionKey, status: WebhookStatus) -> WebhookInput {
    input(format!("ticketsync {}", key.connection), endpoint(key), status)
}

fn endpoint(key: &ConnectionKey) -> String {
    format!("{HOOKS}/webhooks/zendesk/{}", key.connection)
}

/// The secret that is stored, opened, and the one before.
async fn secrets(site: &Site, key: &ConnectionKey) -> (String, Option<String>) {
    let mut tx = site.store.begin().await.unwrap();
    let signing = tx.webhook(key).await.unwrap().signing.unwrap();
    let open = |sealed, column| {
        let place = SecretPlace { connection: key, column };
        site.keyring.open(sealed, place).unwrap().expose().to_owned()
    };
    let previous = signing.previous.as_ref();
    let previous = previous.map(|sealed| open(sealed, SecretColumn::PreviousSigningSecret));
    (open(&signing.current, SecretColumn::SigningSecret), previous)
}

on_both_engines! {
    async fn finishing_registers_it_and_does_not_wait_for_it(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let authorized = site.authorize(&help).await;
        assert_eq!(authorized.webhook, WebhookState::Absent);
        help.desk.switches.turn(|switches| switches.hold_answers_ms = 400);
        let key = authorized.key;
        let finished = site.connecting.finish(key.clone(), Vec::new(), clock::now()).await.unwrap();
        assert_eq!(finished.state, ConnectionState::Active);
        assert_eq!(finished.webhook, WebhookState::Pending);
        site.webhook(&key, WebhookState::Registered).await;
        let registered = webhooks(&help, &key);
        assert_eq!(registered.len(), 1);
        assert_eq!(registered[0].told.endpoint, endpoint(&key));
        assert_eq!(registered[0].told.subscriptions.len(), 23);
        assert_eq!(secrets(&site, &key).await, (registered[0].secret.clone(), None));
        let columns = texts(&db, "select signing_secret from connections").await;
        assert!(!columns[0].contains(&registered[0].secret), "it stands there in the clear");
    }

    async fn it_is_looked_at_every_ten_minutes_and_left_alone_where_it_is_right(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let upkeep = site.idle(&key).await;
        let (now, due_at) = (clock::now(), upkeep.webhook_due_at.unwrap());
        assert!(due_at > now.plus(Duration::from_mins(4)));
        assert!(due_at < now.plus(Duration::from_mins(16)));
        assert_eq!(upkeep.due_at, Some(due_at));
        let id = webhooks(&help, &key)[0].id.clone();
        let version = "select cast(config_version as text) from accounts";
        let before = texts(&db, version).await;
        site.look_again(&db).await;
        site.idle(&key).await;
        assert_eq!(webhooks(&help, &key)[0].id, id);
        assert_eq!(texts(&db, version).await, before, "something was written");
        let made = calls(&help).iter().filter(|call| call.starts_with("POST /api")).count();
        assert_eq!(made, 1);
    }

    async fn one_that_has_vanished_is_made_anew_and_its_old_secret_stays_good(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let (old, _) = secrets(&site, &key).await;
        help.desk.webhooks.vanish();
        site.look_again(&db).await;
        site.idle(&key).await;
        let registered = webhooks(&help, &key);
        assert_eq!(registered.len(), 1);
        assert_eq!(secrets(&site, &key).await, (registered[0].secret.clone(), Some(old)));
        assert_eq!(site.connection(&key).await.webhook, WebhookState::Registered);
    }

    async fn surplus_and_unfit_ones_are_deleted_and_those_of_others_left_alone(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let kept = webhooks(&help, &key)[0].id.clone();
        let desk = &help.desk.webhooks;
        let name = format!("ticketsync {}", key.connection);
        let others = [
            input(format!("{name} 2"), endpoint(&key), WebhookStatus::Active),
            input(name, format!("{}/", endpoint(&key)), WebhookStatus::Active),
        ]
        .map(|other| desk.create(other).id);
        for status in [WebhookStatus::Active, WebhookStatus::Inactive] {
            let _ = desk.create(twin(&key, status));
        }
        site.look_again(&db).await;
        site.idle(&key).await;
        let mut left: Vec<_> = webhooks(&help, &key).into_iter().map(|it| it.id).collect();
        left.sort();
        let mut expected = vec![kept.clone()];
        expected.extend(others.clone());
        expected.sort();
        assert_eq!(left, expected);

        // Switched off it is of no use, however well it is known.
        assert!(desk.remove(&kept));
        let _ = desk.create(twin(&key, WebhookStatus::Inactive));
        site.look_again(&db).await;
        site.idle(&key).await;
        let left = webhooks(&help, &key);
        assert_eq!(left.len(), 3);
        let ours = left.iter().find(|it| !others.contains(&it.id)).unwrap();
        assert_eq!(ours.told.status, WebhookStatus::Active);
        assert_eq!(secrets(&site, &key).await.0, ours.secret);
    }

    async fn one_that_was_made_and_not_noted_is_found_again(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let made = webhooks(&help, &key)[0].clone();
        for forgotten in ["webhook_id = null", "signing_secret = null, signing_secret_at = null"] {
            let sql = format!("update connections set {forgotten}, webhook_state = 'pending'");
            execute(&db, &sql).await;
            site.look_again(&db).await;
            site.webhook(&key, WebhookState::Registered).await;
            site.idle(&key).await;
            let found = webhooks(&help, &key);
            assert_eq!((found.len(), &found[0].id), (1, &made.id));
            assert_eq!(secrets(&site, &key).await.0, made.secret);
        }
        let id = texts(&db, "select webhook_id from connections").await;
        assert_eq!(id, [made.id]);
    }

    async fn who_is_no_administrator_is_told_and_another_ones_authorisation_heals_it(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let token = help.desk.oauth.issue("tickets:read users:read");
        let place = SecretPlace { connection: &key, column: SecretColumn::AccessToken };
        let sealed = site.keyring.seal(&Secret::new(token), place).unwrap();
        execute(&db, &format!("update connections set access_token = '{}'", sealed.as_str())).await;
        help.desk.webhooks.vanish();
        for _ in 0..2 {
            site.look_again(&db).await;
            let upkeep = site.idle(&key).await;
            let trouble = upkeep.trouble.unwrap();
            assert_eq!(trouble.problem, SyncProblem::Forbidden);
            assert!(trouble.detail.contains("403"), "{}", trouble.detail);
            assert_eq!(upkeep.failure_count, 0, "nothing else has to wait for it");
            // What else is done meanwhile does not make it forgotten.
            execute(&db, "update upkeep set due_at = 0").await;
            let upkeep = site.idle(&key).await;
            assert_eq!(upkeep.trouble.map(|trouble| trouble.problem), Some(SyncProblem::Forbidden));
        }
        site.authorize(&help).await;
        eventually("the webhook", async || {
            (webhooks(&help, &key).len() == 1).then_some(())
        })
        .await;
        assert_eq!(site.idle(&key).await.trouble, None);
    }

    async fn a_zendesk_that_fails_is_tried_again_after_a_pause(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        help.desk.switches.turn(|switches| switches.fail = 1.0);
        let key = site.connect(&help).await;
        let upkeep = eventually("two failures", async || {
            let upkeep = site.store.upkeep(&key).await.unwrap().unwrap();
            (upkeep.failure_count >= 2).then_some(upkeep)
        })
        .await;
        let trouble = upkeep.trouble.unwrap();
        assert_eq!(trouble.problem, SyncProblem::ZendeskUnavailable);
        assert_eq!(site.connection(&key).await.webhook, WebhookState::Pending);
        help.desk.switches.turn(|switches| switches.fail = 0.0);
        site.webhook(&key, WebhookState::Registered).await;
        let upkeep = site.idle(&key).await;
        assert_eq!((upkeep.trouble, upkeep.failure_count), (None, 0));
    }

    async fn a_zendesk_that_asks_to_wait_is_waited_for(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        help.desk.switches.turn(|switches| {
            (switches.throttle, switches.retry_after_seconds) = (true, 120);
        });
        let key = site.connect(&help).await;
        let upkeep = eventually("a pause", async || {
            let upkeep = site.store.upkeep(&key).await.unwrap().unwrap();
            (upkeep.failure_count == 1).then_some(upkeep)
        })
        .await;
        assert_eq!(upkeep.trouble.unwrap().problem, SyncProblem::RateLimited);
        assert!(upkeep.paused_until > clock::now().plus(Duration::from_secs(100)));
    }

    async fn an_access_token_that_was_refused_is_refreshed_by_the_way(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        help.desk.oauth.expire_access_tokens();
        help.desk.webhooks.vanish();
        site.look_again(&db).await;
        site.idle(&key).await;
        assert_eq!(webhooks(&help, &key).len(), 1);
        assert_eq!(help.desk.oauth.rotations(), 1);
    }

    async fn without_an_address_none_is_registered(db: Database) {
        let help = HelpDesk::start().await;
        let keyring = super::keyring::generate().unwrap().expose().parse().unwrap();
        let site = Site::on(db.store().await, &help, keyring, None);
        let key = site.connect(&help).await;
        let upkeep = site.idle(&key).await;
        assert!(upkeep.due_at.is_some(), "another replica may know the address");
        assert_eq!(site.connection(&key).await.webhook, WebhookState::Pending);
        assert_eq!(calls(&help), ["POST /oauth/tokens"]);
    }

    async fn a_stop_does_not_wait_for_zendesk_and_leaves_the_rest_to_others(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let authorized = site.authorize(&help).await;
        help.desk.switches.turn(|switches| switches.hold_answers_ms = 60_000);
        site.connecting.finish(authorized.key.clone(), Vec::new(), clock::now()).await.unwrap();
        eventually("a call", async || (calls(&help).len() == 2).then_some(())).await;
        site.stopping.cancel();
        site.tasks.close();
        let stopped = tokio::time::timeout(super::CALL_LIMIT, site.tasks.wait()).await;
        assert!(stopped.is_ok(), "it waited for Zendesk");
        let upkeep = site.store.upkeep(&authorized.key).await.unwrap().unwrap();
        assert!(upkeep.next_attempt_at().unwrap() <= clock::now());
        assert_eq!((upkeep.failure_count, upkeep.trouble), (0, None));
    }
}
