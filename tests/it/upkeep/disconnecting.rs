//! The end of a connection: webhook and token go, at once or once Zendesk is back.

use ticketsync::{
    clock,
    domain::{ConnectionState, WebhookState},
    error::Error,
    service::{Removal, access::Purpose},
};

use super::{Site, execute, nothing_is_kept, webhooks};
use crate::{
    sandbox::desk::HelpDesk,
    support::{eventually, on_both_engines},
};

on_both_engines! {
    async fn webhook_and_token_are_taken_away(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let token = site.token(&key).await.unwrap();
        let ended = site.disconnect(&key).await;
        assert_eq!(ended.removal, Removal::Confirmed);
        assert_eq!(ended.connection.state, ConnectionState::Disconnected);
        assert_eq!(ended.connection.webhook, WebhookState::Absent);
        assert!(webhooks(&help, &key).is_empty());
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_none());
        assert!(nothing_is_kept(&db).await);
        assert_eq!(site.idle(&key).await.due_at, None);
    }

    async fn an_end_while_the_webhook_is_being_made_leaves_none_behind(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let authorized = site.authorize(&help).await;
        help.desk.switches.turn(|switches| switches.hold_answers_ms = 300);
        let key = site.connecting.finish(authorized.key, Vec::new(), clock::now()).await.unwrap().key;
        eventually("the webhook", async || (webhooks(&help, &key).len() == 1).then_some(())).await;
        assert_eq!(site.connection(&key).await.webhook, WebhookState::Pending);
        // At once, or by the upkeep where the visit that makes it holds on for too long.
        site.disconnect(&key).await;
        eventually("an end without a webhook", async || {
            let webhook = site.connection(&key).await.webhook;
            (webhook == WebhookState::Absent).then_some(())
        })
        .await;
        assert!(webhooks(&help, &key).is_empty());
        assert!(nothing_is_kept(&db).await);
    }

    async fn a_webhook_that_was_never_noted_goes_too(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        execute(&db, "update connections set webhook_id = null").await;
        assert_eq!(site.disconnect(&key).await.removal, Removal::Confirmed);
        assert!(webhooks(&help, &key).is_empty());
    }

    async fn while_zendesk_is_away_it_is_ended_here_and_finished_later(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let token = site.token(&key).await.unwrap();
        help.desk.switches.turn(|switches| switches.fail = 1.0);
        let ended = site.disconnect(&key).await;
        assert_eq!(ended.removal, Removal::Unconfirmed);
        assert_eq!(ended.connection.state, ConnectionState::Disconnected);
        assert_eq!(ended.connection.webhook, WebhookState::Removing);
        // The tokens are kept for that, and for nothing else.
        assert!(!nothing_is_kept(&db).await);
        let refused = site.token(&key).await;
        assert!(matches!(refused, Err(Error::ConnectionNotAuthorized)), "{refused:?}");
        site.access.token(&key, Purpose::Removal, clock::now()).await.unwrap();
        help.desk.switches.turn(|switches| switches.fail = 0.0);
        site.webhook(&key, WebhookState::Absent).await;
        assert!(webhooks(&help, &key).is_empty());
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_none());
        assert!(nothing_is_kept(&db).await);
    }

    async fn asking_again_tries_at_once(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        help.desk.switches.turn(|switches| {
            (switches.throttle, switches.retry_after_seconds) = (true, 120);
        });
        assert_eq!(site.disconnect(&key).await.removal, Removal::Unconfirmed);
        help.desk.switches.turn(|switches| switches.throttle = false);
        assert_eq!(site.disconnect(&key).await.removal, Removal::Confirmed);
        assert_eq!(site.disconnect(&key).await.removal, Removal::Unconfirmed, "nothing is left");
    }

    async fn an_expired_token_is_refreshed_so_that_it_can_be_revoked(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        help.desk.oauth.expire_access_tokens();
        assert_eq!(site.disconnect(&key).await.removal, Removal::Confirmed);
        assert_eq!(help.desk.oauth.rotations(), 1);
        assert!(webhooks(&help, &key).is_empty());
        assert!(nothing_is_kept(&db).await);
    }

    async fn a_token_that_does_not_open_here_is_kept_for_whoever_has_its_key(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        execute(&db, "update connections set access_token = 'elsewhere:' || access_token").await;
        let ended = site.disconnect(&key).await;
        assert_eq!(ended.removal, Removal::Unconfirmed);
        assert_eq!(ended.connection.webhook, WebhookState::Removing);
        assert_eq!(webhooks(&help, &key).len(), 1, "nobody could take it away");
        execute(&db, "update connections set access_token = substr(access_token, 11)").await;
        assert_eq!(site.disconnect(&key).await.removal, Removal::Confirmed);
        assert!(webhooks(&help, &key).is_empty());
        assert!(nothing_is_kept(&db).await);
    }

    async fn connecting_again_meanwhile_cancels_the_removal(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        help.desk.switches.turn(|switches| {
            (switches.throttle, switches.retry_after_seconds) = (true, 120);
        });
        site.disconnect(&key).await;
        help.desk.switches.turn(|switches| switches.throttle = false);
        let authorized = site.authorize(&help).await;
        assert_eq!(authorized.key, key);
        assert_eq!(authorized.state, ConnectionState::AwaitingMapping);
        assert!(help.desk.oauth.token(old.expose(), clock::now()).is_none());
        // Until it is finished no webhook is wanted.
        site.webhook(&key, WebhookState::Absent).await;
        assert!(webhooks(&help, &key).is_empty());
        site.connecting.finish(key.clone(), Vec::new(), clock::now()).await.unwrap();
        site.webhook(&key, WebhookState::Registered).await;
        assert_eq!(webhooks(&help, &key).len(), 1);
        let token = site.token(&key).await.unwrap();
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_some());
    }
}
