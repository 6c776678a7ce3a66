//! The secrets that webhooks sign with: replaced while deliveries are under way, sealed anew.

use std::time::Duration;

use reqwest::StatusCode;
use ticketsync::{
    clock,
    service::{
        Keyring, keyring,
        rotation::{Inventory, Rotation},
    },
};

use crate::support::{
    ENCRYPTION_KEYS, Hook, Replica, SIGNING_SECRET, eventually, on_both_engines, store_secrets,
    zendesk_event,
};

on_both_engines! {
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
        let signing = store.webhook_owner(key.connection).await.unwrap().unwrap().signing.unwrap();
        let opened: Vec<_> = signing.places(&key).map(|(sealed, place)| {
            alone.open(sealed, place).unwrap().expose().to_owned()
        }).collect();
        assert_eq!(opened, [SIGNING_SECRET, "older"]);

        let mut tx = store.begin().await.unwrap();
        tx.lock_account(&key.account).await.unwrap();
        tx.save_signing(&key, None).await.unwrap();
        tx.commit().await.unwrap();
        let owner = store.webhook_owner(key.connection).await.unwrap().unwrap();
        assert_eq!((owner.key, owner.signing), (key, None));
        store.close().await;
    }
}
