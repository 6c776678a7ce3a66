//! A new pair of tokens that cannot be stored at once is not lost, whoever asks meanwhile.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{ConnectionKey, ConnectionState, Secret},
    service::{Access, access::RefreshLimits, keyring},
    store::Store,
};

use super::{
    CALL_LIMIT, HOOKS, Site, away, calls, execute, expire_soon, forget_the_refresh, rotated, second,
};
use crate::{
    sandbox::desk::HelpDesk,
    support::{Database, Forward, Proxy, eventually, on_both_engines},
};

/// Somebody waits for a refresh for no longer than a call and twice the margin; a new pair is tried to
/// be stored for much longer.
const LIMITS: RefreshLimits = RefreshLimits {
    commit_margin: Duration::from_millis(250),
    store_patience: Duration::from_mins(1),
};

async fn ask(access: &Access, key: &ConnectionKey) -> ticketsync::error::Result<Secret> {
    access.access_token(key, clock::now()).await
}

/// Asks until there is a token.
async fn obtain(access: &Access, key: &ConnectionKey) -> Secret {
    eventually("a token", async || ask(access, key).await.ok()).await
}

/// Both are given the one new token, and nothing has happened to the connection.
async fn assert_both_go_on(help: &HelpDesk, site: &Site, both: [&Access; 2], key: &ConnectionKey) {
    let tokens = [obtain(both[0], key).await, obtain(both[1], key).await];
    assert_eq!(tokens[0], tokens[1]);
    assert!(help.desk.oauth.token(tokens[0].expose(), clock::now()).is_some(), "it lives");
    assert_eq!(help.desk.oauth.rotations(), 1);
    assert_eq!(site.connection(key).await.state, ConnectionState::Active);
    let revoked = calls(help).iter().filter(|call| call.starts_with("DELETE")).count();
    assert_eq!(revoked, 0);
}

on_both_engines! {
    async fn while_a_new_pair_cannot_be_stored_others_are_told_to_come_back_and_then_get_it(
        db: Database
    ) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let beside = second(&db, &site, &help).await;
        let key = site.registered(&help).await;
        let one = site.access.clone().with_limits(LIMITS);
        let other = beside.access.clone().with_limits(LIMITS);
        expire_soon(&db).await;
        let mut answer = help.desk.hold_token_answer();
        let asked = async { away(&ask(&one, &key).await) };
        let meanwhile = async {
            rotated(&mut answer).await;
            let outsider = db.hold("acme").await;
            answer.release();
            // Twice as long as a refresh takes where the database is there.
            away(&ask(&other, &key).await);
            away(&ask(&other, &key).await);
            outsider
        };
        let ((), outsider) = tokio::join!(asked, meanwhile);
        outsider.close().await;
        assert_both_go_on(&help, &site, [&one, &other], &key).await;
    }

    async fn who_comes_back_with_a_new_pair_undoes_that_the_old_one_was_taken_for_dead(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let other = second(&db, &site, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let mut answer = help.desk.hold_token_answer();
        let late = site.token(&key);
        let meanwhile = async {
            rotated(&mut answer).await;
            // As if the first one had stood still for longer than a refresh may take.
            forget_the_refresh(&db).await;
            other.token(&key).await.unwrap_err();
            let state = site.connection(&key).await.state;
            answer.release();
            state
        };
        let (late, state) = tokio::join!(late, meanwhile);
        assert_eq!(state, ConnectionState::NeedsReauthorization);
        assert_eq!(late.unwrap(), other.token(&key).await.unwrap());
        assert_both_go_on(&help, &site, [&site.access, &other.access], &key).await;
        let upkeep = site.idle(&key).await;
        assert_eq!((upkeep.trouble, upkeep.failure_count), (None, 0), "it is looked after again");
    }

    async fn a_mark_that_lies_ahead_keeps_nobody_from_refreshing(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let tomorrow = clock::now().plus(Duration::from_hours(24)).as_micros();
        let sql = format!("update connections set refresh_started_at = {tomorrow}");
        execute(&db, &sql).await;
        site.token(&key).await.unwrap();
        assert_eq!(help.desk.oauth.rotations(), 1);
    }
}

/// A service whose way to the database leads through the proxy.
async fn behind(url: &str, help: &HelpDesk) -> Site {
    let keyring = keyring::generate().unwrap().expose().parse().unwrap();
    let store: Store = Database::store_at(url).await;
    Site::on(store, help, keyring, Some(HOOKS))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_alone_has_lost_postgres_keeps_its_new_pair_from_others_that_have_not() {
    let db = Database::postgres();
    let (proxy, url) = Proxy::before(db.url()).await;
    let help = HelpDesk::start().await;
    let site = behind(&url, &help).await;
    let key = site.registered(&help).await;
    let beside = Site::on(db.store().await, &help, site.keyring.clone(), Some(HOOKS));
    let one = site.access.clone().with_limits(LIMITS);
    let other = beside.access.clone().with_limits(LIMITS);
    expire_soon(&db).await;
    let mut answer = help.desk.hold_token_answer();
    let asked = async { away(&ask(&one, &key).await) };
    let meanwhile = async {
        rotated(&mut answer).await;
        proxy.cut_all_commits(Forward::No);
        answer.release();
        let begun = clock::now();
        away(&ask(&other, &key).await);
        away(&ask(&other, &key).await);
        assert!(clock::now() > begun.plus(CALL_LIMIT + LIMITS.commit_margin * 2));
    };
    tokio::join!(asked, meanwhile);
    proxy.forget_plans();
    assert_both_go_on(&help, &site, [&one, &other], &key).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_pair_whose_commit_was_cut_off_is_found_stored() {
    let db = Database::postgres();
    let (proxy, url) = Proxy::before(db.url()).await;
    let help = HelpDesk::start().await;
    let site = behind(&url, &help).await;
    let key = site.registered(&help).await;
    expire_soon(&db).await;
    let mut answer = help.desk.hold_token_answer();
    let meanwhile = async {
        rotated(&mut answer).await;
        let cut = proxy.cut_next_commit(Forward::Yes);
        answer.release();
        cut.done().await;
    };
    let (token, ()) = tokio::join!(site.token(&key), meanwhile);
    token.unwrap();
    assert_both_go_on(&help, &site, [&site.access, &site.access], &key).await;
}
