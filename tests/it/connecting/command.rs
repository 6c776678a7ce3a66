//! `ticketsync keys`, and how the program speaks of keys.

use std::process::{Command, Output};

use ticketsync::service::Keyring;

use super::Service;
use crate::support::{Database, on_both_engines};

fn ticketsync(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ticketsync")).env_clear().args(args).output().unwrap()
}

fn keys(db: &Database, command: &str, keys: &str) -> Output {
    ticketsync(&["keys", command, "--database-url", db.url(), "--encryption-keys", keys])
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn generate() -> String {
    printed(&ticketsync(&["keys", "generate"])).trim().to_owned()
}

fn id(pair: &str) -> &str {
    pair.split_once(':').unwrap().0
}

/// Connects an account with this key, and lets go of the database.
async fn connected_with(db: &Database, pair: &str) {
    let service = Service::with_keys(db, &pair.parse().unwrap()).await;
    service.connect("acme", "acme").await;
    service.store.close().await;
}

#[test]
fn a_generated_key_is_one_to_start_with() {
    let (one, other) = (generate(), generate());
    assert_ne!(one, other);
    let keyring: Keyring = format!("{one},{other}").parse().unwrap();
    assert_eq!(keyring.sealing_key().as_str(), id(&one));
}

on_both_engines! {
    async fn keys_are_replaced_by_three_commands(db: Database) {
        let old = generate();
        connected_with(&db, &old).await;
        assert_eq!(printed(&keys(&db, "list", &old)), format!("{}\t2\tencrypts\n", id(&old)));
        let new = generate();
        let both = format!("{new},{old}");
        let listed = printed(&keys(&db, "list", &both));
        assert_eq!(listed, format!("{}\t0\tencrypts\n{}\t2\tdecrypts\n", id(&new), id(&old)));
        let rotated = printed(&keys(&db, "rotate", &both));
        assert_eq!(rotated, format!("2 encrypted anew with {}\n", id(&new)));
        assert_eq!(printed(&keys(&db, "list", &new)), format!("{}\t2\tencrypts\n", id(&new)));
    }

    async fn a_missing_key_is_told(db: Database) {
        let (lost, other) = (generate(), generate());
        connected_with(&db, &lost).await;
        let listed = printed(&keys(&db, "list", &other));
        assert!(listed.contains(&format!("{}\t2\tmissing", id(&lost))), "{listed}");
        let rotated = keys(&db, "rotate", &other);
        assert!(!rotated.status.success());
        assert!(said(&rotated).contains(&format!("2 left as they are: the secret is sealed by key {}", id(&lost))));
    }
}

#[test]
fn a_key_that_does_not_parse_is_not_repeated() {
    let pair = generate();
    let key = pair.split_once(':').unwrap().1;
    for wrong in
        [key.to_owned(), format!("{pair}x"), format!("{pair},{pair}"), format!("{key}:{key}")]
    {
        for command in [&["serve"][..], &["keys", "list"], &["keys", "rotate"]] {
            let output = ticketsync(&[command, &["--encryption-keys", &wrong]].concat());
            assert!(!output.status.success());
            assert!(said(&output).contains("--encryption-keys"), "{}", said(&output));
            assert!(!said(&output).contains(&key[..12]), "{}", said(&output));
        }
    }
}

#[test]
fn neither_is_a_databases_password() {
    for wrong in ["postgress://me:hunter2@localhost/x", "postgres://me:hunter2@:x/y", "sqlite:"] {
        let output = ticketsync(&["migrate", "--database-url", wrong]);
        assert!(!output.status.success());
        assert!(said(&output).contains("--database-url"), "{}", said(&output));
        assert!(!said(&output).contains("hunter2"), "{}", said(&output));
    }
}

#[test]
fn a_server_shared_by_replicas_needs_its_keys_given() {
    let output = ticketsync(&["serve", "--database-url", "postgres://localhost:1/x"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("keys generate"), "{}", said(&output));
}

#[test]
fn looking_after_keys_makes_none_by_itself() {
    let dir = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite:{}", dir.path().join("t.db").display());
    for command in ["list", "rotate"] {
        let output = ticketsync(&["keys", command, "--database-url", &url]);
        assert!(!output.status.success());
        assert!(said(&output).contains("t.db.key"), "{}", said(&output));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
