//! `ticketsync sandbox`, as the built program runs it.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    process::{Child, Command},
};

use crate::support::eventually;

/// What a run left behind.
struct Run {
    code: Option<i32>,
    told: String,
    complaints: String,
}

/// Killed where the test ends before it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the sandbox to its end.
async fn sandbox(arguments: &[&str]) -> Run {
    let (told, complaints) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticketsync"));
    program.arg("sandbox").args(arguments);
    program.stdout(told.try_clone().unwrap()).stderr(complaints.try_clone().unwrap());
    let mut running = Running(program.spawn().unwrap());
    let status = eventually("the end of the sandbox", async || running.0.try_wait().unwrap()).await;
    Run { code: status.code(), told: text(told), complaints: text(complaints) }
}

fn text(mut file: File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

fn assert_tells(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "{word:?} is not in:\n{told}");
    }
}

#[tokio::test]
async fn the_main_job_runs_once_and_every_ticket_object_is_equal_to_the_help_desk() {
    let Run { code, told, complaints } = sandbox(&["--once"]).await;
    assert_eq!(code, Some(0), "{told}\n{complaints}");
    assert_eq!(complaints, "", "nothing is worth a warning");
    assert!(!told.contains('\u{1b}'), "colours without a terminal: {told}");
    assert_tells(&told, &["AUTHORIZATION_DENIED", "ACTIVE", "all equal"]);
    assert_tells(
        &told,
        &["[Zendesk-support-integratie]", "Ticket-id", "Prioriteit", "Bijgewerkt om"],
    );
    assert_tells(&told, &["Zendesk Support Ticket aangemaakt", "Zendesk Ticket bijgewerkt"]);
    assert_tells(
        &told,
        &["ADOPTED", "CREATED", "UPDATED", "PARKED", "DELETED", "STALE", "DUPLICATE of UPDATED"],
    );
}

#[tokio::test]
async fn a_ticket_that_differs_is_named_and_fails_the_run() {
    let Run { code, told, .. } = sandbox(&["--once", "--tamper"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert_tells(
        &told,
        &["differs", "#4101 subject: \"Mijn adres is veranderd!\" at the help desk"],
    );
}

#[tokio::test]
async fn labels_come_in_english_where_asked_for() {
    let Run { told, .. } = sandbox(&["--once", "--language", "en"]).await;
    assert_tells(&told, &["Priority", "Last updated", "Zendesk Support ticket created"]);
}

#[tokio::test]
async fn a_kept_sandbox_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for outcome in ["ADOPTED", "UNCHANGED"] {
        let Run { code, told, complaints } = sandbox(&["--once", "--data-dir", path]).await;
        assert_eq!(code, Some(0), "{told}\n{complaints}");
        assert_tells(&told, &[outcome]);
    }
}

#[tokio::test]
async fn it_goes_on_until_it_is_interrupted_and_shows_what_customers_do() {
    let told = tempfile::NamedTempFile::new().unwrap();
    let so_far = || std::fs::read_to_string(told.path()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticketsync"));
    program.arg("sandbox").stdout(told.reopen().unwrap());
    let mut running = Running(program.spawn().unwrap());
    eventually("ready-made commands", async || so_far().contains("TailTriggers").then_some(()))
        .await;
    let desk = so_far();
    let desk = desk.split_once("Help desk ").unwrap().1.split_whitespace().next().unwrap();

    let letter = serde_json::json!({ "ticket": {
        "requester": { "name": "Noor \u{1b}[2J", "email": "noor@example.com" },
        "comment": { "body": "Hallo?" },
    }});
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.post(format!("{desk}/api/v2/tickets.json")).json(&letter).send().await;
    assert_eq!(answer.unwrap().status(), 201);
    eventually("the new ticket in the log", async || {
        so_far().contains("Noor  [2J · Zendesk Support Ticket aangemaakt").then_some(())
    })
    .await;

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = eventually("the end of the sandbox", async || running.0.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn an_address_that_strangers_can_reach_is_refused() {
    for flag in ["--grpc-listen", "--http-listen", "--zendesk-listen"] {
        let Run { code, complaints, .. } = sandbox(&["--once", flag, "0.0.0.0:0"]).await;
        assert_eq!(code, Some(2));
        assert!(complaints.contains("is not on loopback"), "{flag}: {complaints}");
    }
}
