//! The secrets that webhooks sign with: replaced while deliveries are under way, sealed anew.

use std::time::Duration;

use reqwest::StatusCode;
use ticketsync::{
    clock,
    domain::{ConnectionId, ConnectionKey, ConnectionState},
    service::{
        Keyring, keyring,
        rotation::{Inventory, Rotation},
    },
    store::{self, Store, WebhookOwner},
};
use uuid::Uuid;

use crate::support::{
    ENCRYPTION_KEYS, Hook, Replica, SIGNING_SECRET, eventually, on_both_engines, store_secrets,
    zendesk_event,
};

async fn owner(store: &Store, key: &ConnectionKey) -> WebhookOwner {
    let mut owners = store.webhook_owners(&[key.connection]).await.unwrap();
    owners.remove(&key.connection).unwrap().unwrap()
}

on_both_engines! {
    async fn many_ids_are_looked_up_at_once_whichever_accounts_they_are(db: Database) {
        let one = Hook::registered(&db, "one").await.key();
        let two = db.active_connection("two").await.key();
        let broken = Hook::registered(&db, "broken").await.key();
        Hook::registered(&db, "other").await;
        let mut session = db.session().await;
        let breaks = "update connections set state = 'unheard of' where account_id = 'broken'";
        session.execute(breaks).await;
        session.close().await;
        let store = db.store().await;
        assert!(store.webhook_owners(&[]).await.unwrap().is_empty());
        let mut ids: Vec<_> = (0..1_000).map(|_| ConnectionId(Uuid::new_v4())).collect();
        ids.extend([&two, &broken, &one, &two].map(|key| key.connection));
        let mut owners = store.webhook_owners(&ids).await.unwrap();
        for (key, has_secret) in [(one, true), (two, false)] {
            let owner = owners.remove(&key.connection).unwrap().unwrap();
            assert_eq!((owner.key, owner.signing.is_some()), (key, has_secret));
            assert_eq!(owner.state, ConnectionState::Active);
        }
        let unread = owners.remove(&broken.connection).unwrap();
        assert!(matches!(unread, Err(store::Error::Corrupt { .. })), "{unread:?}");
        assert!(owners.is_empty(), "{owners:?}");
        store.close().await;
    }

    async fn a_replaced_secret_is_seen_within_seconds_and_the_old_one_is_good_for_an_hour(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let old = Hook::of(service.http, &to);
        let new = old.signing_with("new");
        let event = zendesk_event("e1", "created", 7);
        assert_eq!(old.post(&event).await, StatusCode::OK);
        assert_eq!(new.post(&event).await, StatusCode::UNAUTHORIZED);

        let now = clock::now();
        store_secrets(&db, &to, "new", Some(SIGNING_SECRET), now).await;
        eventually("the new secret", async || {
            (new.post(&event).await == StatusCode::OK).then_some(())
        })
        .await;
        assert_eq!(old.post(&event).await, StatusCode::OK, "deliveries under way");

        let over = now.minus(Duration::from_secs(3_601));
        store_secrets(&db, &to, "new", Some(SIGNING_SECRET), over).await;
        eventually("the old secret's end", async || {
            (old.post(&event).await == StatusCode::UNAUTHORIZED).then_some(())
        })
        .await;
        assert_eq!(new.post(&event).await, StatusCode::OK);
    }

    async fn while_a_webhook_is_made_anew_what_its_old_secret_did_not_sign_is_to_be_tried_again(db: Database) {
        let to = Hook::registered(&db, "acme").await;
        let service = Replica::start(db.url()).await;
        let old = Hook::of(service.http, &to);
        let new = old.signing_with("new");
        let event = zendesk_event("e1", "created", 7);
        assert_eq!(new.post(&event).await, StatusCode::UNAUTHORIZED);
        for (state, expected) in [
            ("pending", StatusCode::SERVICE_UNAVAILABLE),
            ("registered", StatusCode::UNAUTHORIZED),
        ] {
            let mut session = db.session().await;
            session.execute(&format!("update connections set webhook_state = '{state}'")).await;
            session.close().await;
            eventually(state, async || (new.post(&event).await == expected).then_some(())).await;
            assert_eq!(old.post(&event).await, StatusCode::OK, "what it did sign: {state}");
        }
    }

    async fn a_secret_copied_to_another_connection_or_column_is_of_no_use_there(db: Database) {
        let (one, two) =
            (Hook::registered(&db, "one").await, Hook::registered(&db, "two").await);
        let service = Replica::start(db.url()).await;
        let mut session = db.session().await;
        session
            .execute(&format!(
                "update connections
                    set signing_secret = (select signing_secret
                                            from connections
                                           where connection_id = '{}'),
                        previous_signing_secret = signing_secret
                  where connection_id = '{}'",
                one.connection_id, two.connection_id
            ))
            .await;
        session.close().await;
        let event = zendesk_event("e1", "created", 7);
        assert_eq!(Hook::of(service.http, &one).post(&event).await, StatusCode::OK);
        let copied = Hook::of(service.http, &two).post(&event).await;
        assert_eq!(copied, StatusCode::SERVICE_UNAVAILABLE, "there is nothing to check with");
        assert!(service.log().contains("is of no use"), "it is said");
    }

    async fn keys_are_replaced_for_signing_secrets_too(db: Database) {
        let to = db.active_connection("acme").await;
        store_secrets(&db, &to, SIGNING_SECRET, Some("older"), clock::now()).await;
        let new = keyring::generate().unwrap();
        let both: Keyring = format!("{},{ENCRYPTION_KEYS}", new.expose()).parse().unwrap();
        let store = db.store().await;
        let rotation = Rotation::run(&store, &both).await.unwrap();
        assert_eq!((rotation.resealed, rotation.unopened.len()), (2, 0));
        let inventory = Inventory::take(&store).await.unwrap();
        let alone: Keyring = new.expose().parse().unwrap();
        assert_eq!(inventory.missing_from(&alone).count(), 0);
        let key = to.key();
        let signing = owner(&store, &key).await.signing.unwrap();
        let opened: Vec<_> = signing.places(&key).map(|(sealed, place)| {
            alone.open(sealed, place).unwrap().expose().to_owned()
        }).collect();
        assert_eq!(opened, [SIGNING_SECRET, "older"]);

        let mut tx = store.begin().await.unwrap();
        tx.lock_account(&key.account).await.unwrap();
        tx.save_signing(&key, None).await.unwrap();
        tx.commit().await.unwrap();
        let owner = owner(&store, &key).await;
        assert_eq!((owner.key, owner.signing), (key, None));
        store.close().await;
    }
}
