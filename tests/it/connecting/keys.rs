//! Keys: replaced without losing a token, bound to the place of what they seal.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;
use ticketsync::{
    proto::v1::ConnectionState,
    service::{
        Keyring,
        key_file::{self, Origin},
        rotation::{Inventory, Rotation},
    },
};

use super::{Service, new_keyring, refusal};
use crate::support::{connecting, on_both_engines};

/// A new key before the keys there were.
fn renewed(old: &str) -> (String, Keyring) {
    let pair = new_pair();
    let keyring = format!("{pair},{old}").parse().unwrap();
    (pair, keyring)
}

fn new_pair() -> String {
    ticketsync::service::keyring::generate().unwrap().expose().to_owned()
}

fn only(pair: &str) -> Keyring {
    pair.parse().unwrap()
}

on_both_engines! {
    async fn a_rotation_seals_everything_anew_and_the_old_key_can_go(db: Database) {
        let old = new_pair();
        let (new, both) = renewed(&old);
        let service = Service::with_keys(&db, &only(&old)).await;
        for account in ["one", "two"] {
            service.connect(account, "acme").await;
            service.start_connection(account, "acme").await.unwrap();
        }
        let inventory = Inventory::take(&service.store).await.unwrap();
        assert_eq!(inventory.by_key.into_values().collect::<Vec<_>>(), [6]);
        let rotation = Rotation::run(&service.store, &both).await.unwrap();
        assert_eq!((rotation.resealed, rotation.unopened.len()), (6, 0));
        let inventory = Inventory::take(&service.store).await.unwrap();
        assert_eq!(inventory.missing_from(&only(&new)).count(), 0);
        let again = Rotation::run(&service.store, &both).await.unwrap();
        assert_eq!(again, Rotation::default());
        // With the old key gone the token still opens: it can be revoked.
        let zendesk = service.zendesk;
        service.store.close().await;
        drop((service.api, service.connecting, service.store));
        let later = Service::with(&db, &only(&new), |_| zendesk.options()).await;
        for account in ["one", "two"] {
            let request = later.start_connection(account, "acme").await.unwrap();
            let id = request.connection.unwrap().connection_id;
            assert!(later.disconnect(account, &id, false).await.unwrap().token_revoked);
        }
        assert_eq!(zendesk.usable_token_count(), 0);
    }

    async fn a_state_begun_under_the_old_key_is_completed_under_the_new_one(db: Database) {
        let old = new_pair();
        let (_, both) = renewed(&old);
        let service = Service::with_keys(&db, &only(&old)).await;
        let agreed = service.agreed("acme", "acme").await;
        Rotation::run(&service.store, &both).await.unwrap();
        let client = ticketsync::zendesk::Client::new(service.zendesk.options()).unwrap();
        let store = service.store.clone();
        let connecting = connecting(store, both, client);
        let api = ticketsync::rpc::connection::ConnectionApi::new(connecting.clone());
        let later = Service { api, connecting, ..service };
        let authorized = later.authorize("acme", &agreed).await.unwrap();
        assert_eq!(authorized.state(), ConnectionState::AwaitingMapping);
    }

    async fn a_secret_whose_key_is_gone_is_counted_and_left_alone(db: Database) {
        let service = Service::start(&db).await;
        service.connect("acme", "acme").await;
        let mut session = db.session().await;
        let before = session.texts("select access_token from connections").await;
        let stranger = new_keyring();
        let inventory = Inventory::take(&service.store).await.unwrap();
        assert_eq!(inventory.missing_from(&stranger).count(), 1);
        let rotation = Rotation::run(&service.store, &stranger).await.unwrap();
        assert_eq!(rotation.resealed, 0);
        let (problem, count) = rotation.unopened.into_iter().next().unwrap();
        assert!(problem.contains("not among the keys"), "{problem}");
        assert_eq!(count, 2);
        assert_eq!(session.texts("select access_token from connections").await, before);
        session.close().await;
    }

    async fn a_token_copied_to_another_account_is_of_no_use_there(db: Database) {
        let service = Service::start(&db).await;
        let victim = service.connect("victim", "acme").await;
        let thief = service.connect("thief", "acme").await;
        let mut session = db.session().await;
        session
            .execute(
                "update connections
                    set access_token = (select access_token
                                          from connections
                                         where account_id = 'victim')
                  where account_id = 'thief'",
            )
            .await;
        session.close().await;
        let calls = service.zendesk.received().len();
        let ended = service.disconnect("thief", &thief.connection_id, false).await.unwrap();
        assert!(!ended.token_revoked);
        assert_eq!(service.zendesk.received().len(), calls, "a token was used");
        let ended = service.disconnect("victim", &victim.connection_id, false).await.unwrap();
        assert!(ended.token_revoked);
    }

    async fn a_verifier_whose_key_is_gone_is_an_internal_error_without_details(db: Database) {
        let service = Service::start(&db).await;
        let agreed = service.agreed("acme", "acme").await;
        let mut session = db.session().await;
        session.execute("update authorizations set code_verifier = 'gone:AAAA'").await;
        session.close().await;
        let answer = service.authorize("acme", &agreed).await;
        assert_eq!(answer.as_ref().unwrap_err().message(), "internal error");
        assert_eq!(refusal(answer).1, "INTERNAL");
        assert_eq!(service.zendesk.exchanges().len(), 0);
    }
}

#[test]
fn the_file_of_keys_is_made_once_for_its_owner_only() {
    let dir = TempDir::new().unwrap();
    let path = key_file::beside(&dir.path().join("t.db"));
    assert_eq!(path, dir.path().join("t.db.key"));
    let (made, origin) = key_file::open(&path).unwrap();
    assert_eq!(origin, Origin::Generated);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (read, origin) = key_file::open(&path).unwrap();
    assert_eq!(origin, Origin::Read);
    assert_eq!(read.sealing_key(), made.sealing_key());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_of_keys_may_hold_several_the_first_seals() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("keys");
    let (old, _) = key_file::open(&path).unwrap();
    let text = format!("{}\n{}", new_pair(), fs::read_to_string(&path).unwrap());
    fs::write(&path, text).unwrap();
    let (both, _) = key_file::open(&path).unwrap();
    assert_eq!(both.key_ids().count(), 2);
    assert_ne!(both.sealing_key(), old.sealing_key());
}

#[test]
fn a_file_of_keys_that_others_may_read_or_that_holds_none_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("keys");
    key_file::open(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(key_file::open(&path).unwrap_err().to_string().contains("chmod 600"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let key = fs::read_to_string(&path).unwrap();
    let key = key.split_once(':').unwrap().1.trim().to_owned();
    for text in [String::new(), key.clone(), format!("k1:{key}x")] {
        fs::write(&path, text).unwrap();
        let error = key_file::open(&path).unwrap_err().to_string();
        assert!(!error.contains(&key), "{error}");
    }
    assert!(key_file::open(&dir.path().join("missing/keys")).is_err());
}
