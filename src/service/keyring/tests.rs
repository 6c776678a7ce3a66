//! What the keyring promises: sealed is unreadable, bound to its place, and outlives its key.

use uuid::Uuid;

use super::*;
use crate::domain::{AccountId, ConnectionId, ConnectionKey, SecretColumn};

const PLAIN: &str = "a-token-that-nobody-may-read";

fn connection(account: &str, id: u128) -> ConnectionKey {
    ConnectionKey {
        account: AccountId::try_from(account.to_owned()).unwrap(),
        connection: ConnectionId(Uuid::from_u128(id)),
    }
}

fn access_token(connection: &ConnectionKey) -> SecretPlace<'_> {
    SecretPlace { connection, column: SecretColumn::AccessToken }
}

fn pair() -> String {
    generate().unwrap().expose().to_owned()
}

fn keyring(pairs: &[&str]) -> Keyring {
    pairs.join(",").parse().unwrap()
}

fn sealed(keyring: &Keyring, place: SecretPlace<'_>) -> Sealed {
    keyring.seal(&Secret::new(PLAIN.into()), place).unwrap()
}

#[test]
fn what_was_sealed_opens_in_its_place() {
    let keyring = keyring(&[&pair()]);
    let connection = connection("acme", 1);
    let sealed = sealed(&keyring, access_token(&connection));
    let opened = keyring.open(&sealed, access_token(&connection)).unwrap();
    assert_eq!(opened.expose(), PLAIN);
}

#[test]
fn the_sealed_text_names_its_key_and_does_not_hold_the_secret() {
    let keyring = keyring(&[&pair()]);
    let connection = connection("acme", 1);
    let sealed = sealed(&keyring, access_token(&connection));
    let (id, text) = sealed.as_str().split_once(':').unwrap();
    assert_eq!(id, keyring.sealing_key().as_str());
    let bytes = BASE64_STANDARD.decode(text).unwrap();
    assert_eq!(bytes.len(), NONCE_BYTES + PLAIN.len() + 16);
    assert!(!bytes.windows(7).any(|window| PLAIN.as_bytes().windows(7).any(|w| w == window)));
}

#[test]
fn the_same_secret_is_never_sealed_to_the_same_text() {
    let keyring = keyring(&[&pair()]);
    let connection = connection("acme", 1);
    let place = access_token(&connection);
    assert_ne!(sealed(&keyring, place), sealed(&keyring, place));
}

#[test]
fn a_secret_copied_to_another_account_connection_or_column_does_not_open() {
    let keyring = keyring(&[&pair()]);
    let home = connection("acme", 1);
    let sealed = sealed(&keyring, access_token(&home));
    let (other_account, other_connection) = (connection("acme2", 1), connection("acme", 2));
    for place in [
        access_token(&other_account),
        access_token(&other_connection),
        SecretPlace { connection: &home, column: SecretColumn::RefreshToken },
    ] {
        assert_eq!(keyring.open(&sealed, place), Err(OpenError::Forged), "{place:?}");
    }
}

#[test]
fn no_two_places_have_the_same_associated_data() {
    let (one, other) = (connection("a", 1), connection("aa", 1));
    assert_ne!(associated_data(access_token(&one)), associated_data(access_token(&other)));
    let columns: BTreeSet<_> = SecretColumn::ALL
        .iter()
        .map(|column| associated_data(SecretPlace { connection: &one, column: *column }))
        .collect();
    assert_eq!(columns.len(), SecretColumn::ALL.len());
}

#[test]
fn an_altered_secret_does_not_open() {
    let keyring = keyring(&[&pair()]);
    let connection = connection("acme", 1);
    let sealed = sealed(&keyring, access_token(&connection));
    let (id, text) = sealed.as_str().split_once(':').unwrap();
    let bytes = BASE64_STANDARD.decode(text).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let altered = Sealed::from_stored(format!("{id}:{}", BASE64_STANDARD.encode(altered)));
        assert_eq!(keyring.open(&altered, access_token(&connection)), Err(OpenError::Forged));
    }
}

#[test]
fn what_no_keyring_made_is_told_apart_from_a_forgery() {
    let keyring = keyring(&[&pair()]);
    let connection = connection("acme", 1);
    let short = format!("{}:AAAA", keyring.sealing_key());
    let not_base64 = format!("{}:!", keyring.sealing_key());
    for text in ["", "token", "UPPER:AAAA", &short, &not_base64] {
        let opened = keyring.open(&Sealed::from_stored(text.into()), access_token(&connection));
        assert_eq!(opened, Err(OpenError::Malformed), "{text}");
    }
}

#[test]
fn the_first_key_seals_and_every_key_opens() {
    let (old, new) = (pair(), pair());
    let (before, after) = (keyring(&[&old]), keyring(&[&new, &old]));
    let connection = connection("acme", 1);
    let place = access_token(&connection);
    let sealed_before = sealed(&before, place);
    assert_eq!(after.open(&sealed_before, place).unwrap().expose(), PLAIN);
    assert_eq!(key_of(&sealed(&after, place)).as_ref(), Ok(after.sealing_key()));
}

#[test]
fn a_secret_whose_key_is_gone_names_that_key() {
    let (old, new) = (keyring(&[&pair()]), keyring(&[&pair()]));
    let connection = connection("acme", 1);
    let sealed = sealed(&old, access_token(&connection));
    let opened = new.open(&sealed, access_token(&connection));
    assert_eq!(opened, Err(OpenError::UnknownKey(old.sealing_key().clone())));
}

#[test]
fn another_key_under_the_same_id_does_not_open() {
    let (one, other) = (pair(), pair());
    let rename = |pair: &str| format!("k1:{}", pair.split_once(':').unwrap().1);
    let (one, other) = (keyring(&[&rename(&one)]), keyring(&[&rename(&other)]));
    let connection = connection("acme", 1);
    let sealed = sealed(&one, access_token(&connection));
    assert_eq!(other.open(&sealed, access_token(&connection)), Err(OpenError::Forged));
}

#[test]
fn a_generated_key_is_a_whole_keyring_and_no_two_are_alike() {
    let pairs: BTreeSet<String> = (0..100).map(|_| pair()).collect();
    assert_eq!(pairs.len(), 100);
    for pair in &pairs {
        assert_eq!(keyring(&[pair]).key_ids().count(), 1);
    }
}

#[test]
fn keys_are_read_from_commas_and_from_lines() {
    let (one, other) = (pair(), pair());
    for text in
        [format!("{one},{other}"), format!(" {one} ,\n{other},"), format!("{one}\n{other}\n")]
    {
        let ids: Vec<String> =
            text.parse::<Keyring>().unwrap().key_ids().map(KeyId::to_string).collect();
        assert!(one.starts_with(&ids[0]) && other.starts_with(&ids[1]), "{ids:?}");
    }
}

#[test]
fn an_error_in_the_keys_says_which_and_never_shows_a_key() {
    let key = BASE64_STANDARD.encode([0x42; 32]);
    let short = BASE64_STANDARD.encode([0x42; 31]);
    for (text, problem) in [
        (String::new(), "holds no key"),
        (" , \n".into(), "holds no key"),
        (key.clone(), "key 1 is no pair of id:key"),
        (format!("a:{key},{key}"), "key 2 is no pair of id:key"),
        (format!("{key}:a"), "the id of key 1 is no key id"),
        (format!("a b:{key}"), "the id of key 1 is no key id"),
        (format!("k1:{key}!"), "key k1 is no base64"),
        (format!("k1:{short}"), "key k1 is 31 bytes long instead of 32"),
        ("k1:".into(), "key k1 is 0 bytes long instead of 32"),
        (format!("k1:{key},k1:{key}"), "key k1 is given twice"),
    ] {
        let error = text.parse::<Keyring>().unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        assert!(!error.contains(&key[..8]), "{error}");
    }
}

#[test]
fn debug_shows_the_ids_and_nothing_of_the_keys() {
    let pair = pair();
    let (id, key) = pair.split_once(':').unwrap();
    let shown = format!("{:?}", keyring(&[&pair]));
    assert!(shown.contains(id) && !shown.contains(key), "{shown}");
}
