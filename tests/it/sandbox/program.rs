//! `ticketsync sandbox`, as the built program runs it.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use ticketsync::sandbox;
use tokio::sync::OnceCell;

use crate::support::within;

/// How long a test waits for the sandbox: longer than the sandbox itself waits for any one thing, so
/// that it is the one to say what did not come.
const PATIENCE: Duration = sandbox::PATIENCE.saturating_mul(2);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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

impl Running {
    async fn ended(&mut self) -> ExitStatus {
        patiently("the end of the sandbox", async || self.0.try_wait().unwrap()).await
    }
}

#[track_caller]
fn patiently<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    within(PATIENCE, LOOK_EVERY, what, look)
}

/// Runs the sandbox to its end.
async fn play(arguments: &[&str]) -> Run {
    let (told, complaints) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticketsync"));
    program.arg("sandbox").args(arguments);
    program.stdout(told.try_clone().unwrap()).stderr(complaints.try_clone().unwrap());
    let mut running = Running(program.spawn().unwrap());
    let status = running.ended().await;
    Run { code: status.code(), told: text(told), complaints: text(complaints) }
}

/// The main job as it runs without a kept directory: once for all tests that look at it.
async fn main_job() -> &'static Run {
    static MAIN_JOB: OnceCell<Run> = OnceCell::const_new();
    MAIN_JOB.get_or_init(async || play(&["--once"]).await).await
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

/// What stands beside one of the names in the left column, without the arrow before a result.
fn lines<'a>(told: &'a str, who: &str) -> Vec<Vec<&'a str>> {
    let lines = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let lines = lines.filter(|words| words.first() == Some(&who));
    lines.map(|words| words[1..].iter().copied().filter(|word| *word != "→").collect()).collect()
}

/// Checks that every delivered webhook was answered 200 and fetched, and gives how many there were.
/// Those that came again are one with the first.
fn assert_each_delivery_was_fetched(told: &str) -> usize {
    let deliveries = lines(told, "webhook");
    let (lost, delivered): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|words| words.last() == Some(&"DROPPED"));
    assert_eq!(lost.len(), 1, "one is dropped on purpose: {told}");
    let mut heard = Vec::new();
    for words in delivered {
        match words[..] {
            [ticket, kind, "200"] => heard.push((ticket, kind)),
            [ticket, kind, "again", "200"] => {
                assert!(heard.contains(&(ticket, kind.trim_end_matches(','))), "{told}");
            }
            _ => panic!("{words:?} in:\n{told}"),
        }
    }
    let mut fetched: Vec<_> =
        lines(told, "fetched").into_iter().map(|words| (words[0], words[1])).collect();
    heard.sort_unstable();
    fetched.sort_unstable();
    assert_eq!(heard, fetched, "{told}");
    heard.len()
}

#[tokio::test]
async fn the_main_job_runs_once_and_every_ticket_object_is_equal_to_the_help_desk() {
    let Run { code, told, complaints } = main_job().await;
    assert_eq!(*code, Some(0), "{told}\n{complaints}");
    assert_eq!(complaints, "", "nothing is worth a warning");
    assert!(!told.contains('\u{1b}'), "colours without a terminal: {told}");
    assert_tells(told, &["AUTHORIZATION_DENIED", "FinishConnection  → ACTIVE", "all equal"]);
    assert_tells(told, &["/webhooks/zendesk/", "webhook REGISTERED", "0 hints wait, no problem"]);
    assert_tells(
        told,
        &["[Zendesk-support-integratie]", "Ticket-id", "Prioriteit", "Bijgewerkt om"],
    );
    assert_tells(told, &["Zendesk Support Ticket aangemaakt", "Zendesk Ticket bijgewerkt"]);
    assert_tells(told, &["ADOPTED", "CREATED", "UPDATED", "PARKED", "DELETED"]);
}

#[tokio::test]
async fn each_change_at_the_help_desk_is_delivered_as_a_webhook_and_fetched() {
    let Run { told, complaints, .. } = main_job().await;
    let delivered = assert_each_delivery_was_fetched(told);
    assert_eq!(delivered, 13, "5 new tickets, 7 changes, 1 deletion: {told}\n{complaints}");
    assert_eq!(told.matches(", again  → 200").count(), 2, "{told}");
    let log = lines(told, "log");
    let positions: Vec<&str> = log.iter().map(|words| words[0]).collect();
    let expected: Vec<String> =
        (1..=positions.len()).map(|position| position.to_string()).collect();
    assert_eq!(positions, expected, "{told}");
    let created = log.iter().filter(|words| words.ends_with(&["Ticket", "aangemaakt"])).count();
    // A late event has no state of its own to log, and one that was lost has after RefetchTickets.
    assert_eq!((created, positions.len()), (5, 11), "{told}");
}

#[tokio::test]
async fn a_producer_is_answered_over_grpc_what_its_events_did() {
    let Run { told, .. } = main_job().await;
    let answers: Vec<String> =
        lines(told, "producer").iter().map(|words| words[2..].join(" ")).collect();
    assert_eq!(answers, ["UPDATED", "STALE", "DUPLICATE of UPDATED"], "{told}");
}

#[tokio::test]
async fn a_ticket_that_differs_is_named_and_fails_the_run() {
    let Run { code, told, .. } = play(&["--once", "--tamper"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert_tells(
        &told,
        &["differs", "#4101 subject: \"Mijn adres is veranderd!\" at the help desk"],
    );
}

#[tokio::test]
async fn labels_come_in_english_where_asked_for() {
    let Run { told, .. } = play(&["--once", "--language", "en"]).await;
    assert_tells(&told, &["Priority", "Last updated", "Zendesk Support ticket created"]);
}

#[tokio::test]
async fn a_kept_sandbox_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for outcome in ["ADOPTED", "UNCHANGED"] {
        let Run { code, told, complaints } = play(&["--once", "--data-dir", path]).await;
        assert_eq!(code, Some(0), "{told}\n{complaints}");
        assert_tells(&told, &[outcome, "webhook REGISTERED"]);
        assert_each_delivery_was_fetched(&told);
    }
}

#[tokio::test]
async fn it_goes_on_until_it_is_interrupted_and_shows_what_customers_do() {
    let told = tempfile::NamedTempFile::new().unwrap();
    let so_far = || std::fs::read_to_string(told.path()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticketsync"));
    program.arg("sandbox").stdout(told.reopen().unwrap());
    let mut running = Running(program.spawn().unwrap());
    patiently("ready-made commands", async || so_far().contains("TailTriggers").then_some(()))
        .await;
    let desk = so_far();
    let desk = desk.split_once("Help desk ").unwrap().1.split_whitespace().next().unwrap();

    let letter = serde_json::json!({ "ticket": {
        "requester": { "name": "Noor \u{1b}[2J", "email": "noor@example.com" },
        "comment": { "body": "Hallo?" },
    }});
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.post(format!("{desk}/api/v2/tickets.json")).json(&letter).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 201);
    let written: serde_json::Value = answer.json().await.unwrap();
    let id = &written["ticket"]["id"];
    patiently("the webhook and the fetch", async || {
        let told = so_far();
        let seen = |line: String| told.contains(&line);
        (seen(format!("webhook   #{id}  created  → 200"))
            && seen(format!("fetched   #{id}  created  → CREATED")))
        .then_some(())
    })
    .await;
    patiently("the new ticket in the log", async || {
        so_far().contains("Noor  [2J · Zendesk Support Ticket aangemaakt").then_some(())
    })
    .await;

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = running.ended().await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn an_address_that_strangers_can_reach_is_refused() {
    for flag in ["--grpc-listen", "--http-listen", "--zendesk-listen"] {
        let Run { code, complaints, .. } = play(&["--once", flag, "0.0.0.0:0"]).await;
        assert_eq!(code, Some(2));
        assert!(complaints.contains("is not on loopback"), "{flag}: {complaints}");
    }
}
