//! Tokens kept fresh: by one at a time, stored before they are used, and never lost in silence.

use std::time::Duration;

use ticketsync::{
    clock,
    domain::{ConnectionKey, ConnectionState, SecretColumn, SecretPlace},
    error::{Error, Result},
    service::{Access, Writes, access::Purpose},
    store::Store,
    zendesk::{self, Client, ClientOptions},
};
use tokio::task::JoinSet;

use super::{
    Site, away, calls, execute, expire_soon, forget_the_refresh, help_desk_with_tokens, options,
    rotated, second, texts,
};
use crate::{sandbox::desk::HelpDesk, support::on_both_engines};

/// How many callers want a token at once.
const CALLERS: usize = 60;

/// The site's access as that of a service that cannot reach Zendesk.
fn cut_off(site: &Site, help: &HelpDesk) -> Access {
    let base_url = "http://127.0.0.1:9/{subdomain}".parse().unwrap();
    let client = Client::new(ClientOptions { base_url, ..options(help) }).unwrap();
    Access::new(site.store.clone(), Writes::default(), site.keyring.clone(), client)
}

/// The access token as it is stored.
async fn stored(store: &Store, site: &Site, key: &ConnectionKey) -> String {
    let sealed = store.tokens(key).await.unwrap().unwrap().tokens.access;
    let place = SecretPlace { connection: key, column: SecretColumn::AccessToken };
    site.keyring.open(&sealed, place).unwrap().expose().to_owned()
}

fn refused<T: std::fmt::Debug>(token: &Result<T>) {
    assert!(matches!(token, Err(Error::ConnectionNotAuthorized)), "{token:?}");
}

on_both_engines! {
    async fn a_token_that_lives_is_used_as_it_is(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let asked = calls(&help).len();
        let token = site.token(&key).await.unwrap();
        assert_eq!(token.expose(), stored(&site.store, &site, &key).await);
        assert_eq!((calls(&help).len(), help.desk.oauth.rotations()), (asked, 0));
    }

    async fn many_callers_on_two_replicas_refresh_once_and_all_get_the_new_token(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let other = second(&db, &site, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        for round in 1..=3 {
            help.desk.switches.turn(|switches| switches.hold_token_answers_ms = 300);
            expire_soon(&db).await;
            let mut callers = JoinSet::new();
            for number in 0..CALLERS {
                let access = if number % 2 == 0 { &site.access } else { &other.access };
                let (access, key) = (access.clone(), key.clone());
                callers.spawn(async move { access.access_token(&key, clock::now()).await });
            }
            let tokens = callers.join_all().await;
            let first = tokens[0].as_ref().unwrap().clone();
            assert_ne!(first, old);
            assert!(tokens.iter().all(|token| token.as_ref().unwrap() == &first));
            assert_eq!(help.desk.oauth.rotations(), round);
            assert!(help.desk.oauth.token(first.expose(), clock::now()).is_some());
            assert_eq!(first.expose(), stored(&other.store, &site, &key).await);
        }
    }

    async fn a_caller_who_hangs_up_loses_no_tokens(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let mut answer = help.desk.hold_token_answer();
        tokio::select! {
            token = site.token(&key) => panic!("not held: {token:?}"),
            () = rotated(&mut answer) => {}
        }
        answer.release();
        let token = site.token(&key).await.unwrap();
        assert!(help.desk.oauth.token(token.expose(), clock::now()).is_some());
        assert_eq!(help.desk.oauth.rotations(), 1);
    }

    async fn a_lost_answer_is_tried_once_and_ends_in_needs_reauthorization(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        help.desk.switches.turn(|switches| switches.cut_token_answers = 1.0);
        expire_soon(&db).await;
        away(&site.token(&key).await);
        assert_eq!(help.desk.oauth.rotations(), 1, "the pair has changed at Zendesk");
        let state = site.connection(&key).await.state;
        assert_eq!(state, ConnectionState::Active, "nobody knows yet");
        help.desk.switches.turn(|switches| switches.cut_token_answers = 0.0);
        forget_the_refresh(&db).await;
        let asked = calls(&help).iter().filter(|call| call.ends_with("/oauth/tokens")).count();
        refused(&site.token(&key).await);
        assert_eq!(site.connection(&key).await.state, ConnectionState::NeedsReauthorization);
        refused(&site.token(&key).await);
        let tried = calls(&help).iter().filter(|call| call.ends_with("/oauth/tokens")).count();
        assert_eq!(tried, asked + 1, "the old pair has one try");
    }

    async fn nobody_tries_the_old_pair_while_an_answer_may_still_come(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let other = second(&db, &site, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let answer = help.desk.hold_token_answer();
        // The first gives up before the answer is there.
        away(&site.token(&key).await);
        let early = tokio::time::timeout(Duration::from_secs(2), other.token(&key)).await;
        assert!(early.is_err(), "the second did not wait: {early:?}");
        drop(answer);
        assert_eq!(help.desk.oauth.rotations(), 1);
    }

    async fn a_zendesk_that_is_away_is_no_reason_to_authorise_again(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        away(&cut_off(&site, &help).access_token(&key, clock::now()).await);
        assert_eq!(site.connection(&key).await.state, ConnectionState::Active);
        forget_the_refresh(&db).await;
        site.token(&key).await.unwrap();
        assert_eq!(help.desk.oauth.rotations(), 1);
    }

    async fn a_client_that_zendesk_does_not_know_is_no_reason_either(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let wrong = ClientOptions { client_id: "another".into(), ..options(&help) };
        let client = Client::new(wrong).unwrap();
        let access = Access::new(site.store.clone(), Writes::default(), site.keyring.clone(), client);
        expire_soon(&db).await;
        let token = access.access_token(&key, clock::now()).await;
        let unauthorized = zendesk::Error::Unauthorized { error: "invalid_client".into() };
        assert!(matches!(&token, Err(Error::Zendesk(error)) if *error == unauthorized), "{token:?}");
        assert_eq!(site.connection(&key).await.state, ConnectionState::Active);
        site.token(&key).await.unwrap();
    }

    async fn a_token_without_a_refresh_token_is_used_until_it_expires(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let soon = clock::now().plus(Duration::from_secs(40)).as_micros();
        let sql = format!("update connections set refresh_token = null, token_expires_at = {soon}");
        execute(&db, &sql).await;
        site.token(&key).await.unwrap();
        let asked = calls(&help).len();
        expire_soon(&db).await;
        refused(&site.token(&key).await);
        assert_eq!(site.connection(&key).await.state, ConnectionState::NeedsReauthorization);
        assert_eq!(calls(&help).len(), asked);
    }

    async fn a_refresh_token_that_has_expired_ends_in_needs_reauthorization(db: Database) {
        let help = help_desk_with_tokens(Duration::from_mins(30), Duration::ZERO).await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        refused(&site.token(&key).await);
        assert_eq!(site.connection(&key).await.state, ConnectionState::NeedsReauthorization);
    }

    async fn a_refused_token_is_refreshed_once_however_many_were_refused(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        help.desk.oauth.expire_access_tokens();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (access, key, old) = (site.access.clone(), key.clone(), old.clone());
            let now = clock::now();
            callers.spawn(async move { access.renewed(&key, Purpose::Sync, &old, now).await });
        }
        let tokens = callers.join_all().await;
        let current = site.token(&key).await.unwrap();
        assert!(tokens.into_iter().all(|token| token.unwrap() == current));
        assert_eq!(help.desk.oauth.rotations(), 1);
    }

    async fn giving_up_counts_for_the_token_that_is_there_only(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        let old = site.token(&key).await.unwrap();
        let new = site.access.renewed(&key, Purpose::Sync, &old, clock::now()).await.unwrap();
        site.access.give_up(&key, &old).await.unwrap();
        assert_eq!(site.connection(&key).await.state, ConnectionState::Active);
        site.access.give_up(&key, &new).await.unwrap();
        assert_eq!(site.connection(&key).await.state, ConnectionState::NeedsReauthorization);
    }

    async fn new_tokens_are_sealed_like_the_first(db: Database) {
        let help = HelpDesk::start().await;
        let site = Site::start(&db, &help).await;
        let key = site.registered(&help).await;
        expire_soon(&db).await;
        let token = site.token(&key).await.unwrap();
        let columns = "access_token || ' ' || refresh_token";
        let columns = texts(&db, &format!("select {columns} from connections")).await;
        assert!(!columns[0].contains(token.expose()));
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
