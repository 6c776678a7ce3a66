//! Authorising again: what it heals, and what becomes of the tokens that it replaces.

use ticketsync::{
    clock,
    domain::{ConnectionState, SyncProblem, Timestamp},
};

use super::{
    HOOKS, Site, calls, execute, expire_soon, forget_the_refresh, rotated, texts, webhooks,
};
use crate::{
    sandbox::desk::{CLIENT_SECRET, HelpDesk},
    support::{Replica, eventually, on_both_engines},
};

on_both_engines! {
    async fn authorising_again_heals_a_connection_and_has_it_looked_after_at_once(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        help.desk.switches.turn(|switches| switches.cut_token_answers = 1.0);
        expire_soon(&db).await;
        site.token(&key).await.unwrap_err();
        help.desk.switches.turn(|switches| switches.cut_token_answers = 0.0);
        forget_the_refresh(&db).await;
        // Whoever looks after it finds out.
        site.look_again(&db).await;
        site.state(&key, ConnectionState::NeedsReauthorization).await;
        let upkeep = eventually("the problem", async || {
            let upkeep = site.store.upkeep(&key).await.unwrap().unwrap();
            upkeep.trouble.is_some().then_some(upkeep)
        })
        .await;
        assert_eq!(upkeep.trouble.unwrap().problem, SyncProblem::Unauthorized);
        assert_eq!(upkeep.paused_until, Timestamp::MAX, "only a person can help");

        help.desk.webhooks.vanish();
        let again = site.authorize(&help).await;
        assert_eq!((again.key.clone(), again.state), (key.clone(), ConnectionState::Active));
        eventually("the webhook", async || {
            (webhooks(&help, &key).len() == 1).then_some(())
        })
        .await;
        let upkeep = site.idle(&key).await;
        assert_eq!((upkeep.trouble, upkeep.failure_count), (None, 0));
        site.token(&key).await.unwrap();
    }

    async fn tokens_that_are_replaced_are_revoked(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        site.authorize(&help).await;
        assert!(help.desk.oauth.token(old.expose(), clock::now()).is_none());
        let new = site.token(&key).await.unwrap();
        assert!(help.desk.oauth.token(new.expose(), clock::now()).is_some());
    }

    async fn a_refresh_that_was_overtaken_leaves_no_token_behind(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let mut answer = help.desk.hold_token_answer();
        let refresh = site.token(&key);
        let authorize = async {
            rotated(&mut answer).await;
            site.authorize(&help).await;
            answer.release();
        };
        let (token, ()) = tokio::join!(refresh, authorize);
        // The one who refreshed is given the token that took the place of theirs.
        let token = token.unwrap();
        assert_eq!(token, site.token(&key).await.unwrap());
        assert_eq!(help.desk.oauth.rotations(), 1);
        let revoked = calls(&help).iter().filter(|call| call.starts_with("DELETE")).count();
        assert_eq!(revoked, 1, "the pair that came too late");
        let marked = texts(&db, "select state from connections where refresh_started_at > 0").await;
        assert!(marked.is_empty());
    }

    async fn a_kill_between_a_token_answer_and_its_storing_ends_in_needs_reauthorization(db: Database) {
        let help = HelpDesk::start().await;
        let mut service = Replica::run(&mut help.program(db.url(), HOOKS)).await;
        let clients = service.clients().await;
        let to = help.connect(&clients).await;
        let state = async || {
            texts(&db, "select state || ' ' || webhook_state from connections").await.pop().unwrap()
        };
        eventually("the webhook", async || (state().await == "active registered").then_some(())).await;
        let mut answer = help.desk.hold_token_answer();
        expire_soon(&db).await;
        execute(&db, "update upkeep set due_at = 0, paused_until = 0, webhook_due_at = 0").await;
        rotated(&mut answer).await;
        service.kill();
        drop(answer);
        forget_the_refresh(&db).await;
        execute(&db, "update upkeep set lease_until = 0, due_at = 0, paused_until = 0").await;
        let service = Replica::run(&mut help.program(db.url(), HOOKS)).await;
        eventually("the end", async || {
            (state().await == "needs_reauthorization registered").then_some(())
        })
        .await;
        let clients = service.clients().await;
        assert_eq!(help.connect(&clients).await, to);
        assert_eq!(state().await, "active registered");
        assert!(!service.log().contains(CLIENT_SECRET));
    }
}
