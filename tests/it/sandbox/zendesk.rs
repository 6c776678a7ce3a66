//! The records of the small Zendesk: what people write, and what applications read.

use serde_json::{Value, json};
use ticketsync::sandbox::zendesk::{Desk, DeskOptions, OAuthClient};

use super::desk::{HelpDesk, letter};

const OLD: &str = "/api/v2/incremental/tickets/cursor.json?start_time=946684800&include=users";

#[tokio::test]
async fn a_ticket_has_the_shape_of_the_rest_api() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    assert_eq!(ticket["status"], "new");
    assert_eq!(ticket["priority"], Value::Null);
    assert!(ticket["requester_id"].as_i64().unwrap() > 1 << 53, "ids do not fit a float");
    assert!(!ticket["created_at"].as_str().unwrap().contains('.'), "times have whole seconds");

    let answer = zendesk
        .read(&format!("/api/v2/tickets/show_many?ids={},7&include=users", ticket["id"]))
        .await;
    assert_eq!(answer["tickets"], json!([ticket]));
    assert_eq!(answer["users"][0]["email"], "sanne@example.com");
    let answer =
        zendesk.read(&format!("/api/v2/users/show_many?ids={}", ticket["requester_id"])).await;
    assert_eq!(answer["users"][0]["name"], "Sanne");
}

#[tokio::test]
async fn requesters_with_one_address_are_one_user_and_callers_are_each_their_own() {
    let zendesk = HelpDesk::start().await;
    let first = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let second = zendesk.write(letter("S.", Some(" SANNE@example.com "))).await;
    assert_eq!(first["requester_id"], second["requester_id"]);
    let caller = zendesk.write(letter("Caller", None)).await;
    let another = zendesk.write(letter("Caller", None)).await;
    assert_ne!(caller["requester_id"], another["requester_id"]);
}

#[tokio::test]
async fn the_export_gives_each_changed_ticket_once_as_it_stands_and_goes_on_from_its_cursor() {
    let zendesk = HelpDesk::start().await;
    let first = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let second = zendesk.write(letter("Bram", Some("bram@example.com"))).await;
    zendesk.change(&first["id"], json!({ "status": "open" })).await;

    let page = zendesk.read(OLD).await;
    let ids: Vec<&Value> = page["tickets"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&second["id"], &first["id"]], "in the order of the newest changes");
    assert_eq!(page["tickets"][1]["status"], "open");
    assert_eq!(page["end_of_stream"], true);

    let cursor = page["after_cursor"].as_str().unwrap();
    let path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}&include=users");
    assert_eq!(zendesk.read(&path).await["tickets"], json!([]));
    let url = format!("{}/api/v2/tickets/{}.json", zendesk.desk.url, second["id"]);
    assert_eq!(zendesk.http.delete(url).send().await.unwrap().status(), 204);
    let page = zendesk.read(&path).await;
    assert_eq!(page["tickets"][0]["status"], "deleted");
    let shown = zendesk.read(&format!("/api/v2/tickets/show_many?ids={}", second["id"])).await;
    assert_eq!(shown["tickets"], json!([]), "a deleted ticket is only in the export");
}

#[tokio::test]
async fn an_export_from_less_than_a_minute_ago_is_refused() {
    let zendesk = HelpDesk::start().await;
    let now = ticketsync::clock::now().as_micros() / 1_000_000;
    let path = format!("/api/v2/incremental/tickets/cursor.json?start_time={now}");
    assert_eq!(zendesk.read(&path).await["error"], "StartTimeTooRecent");
}

#[tokio::test]
async fn a_change_that_does_not_fit_is_refused_and_leaves_no_trace() {
    let zendesk = HelpDesk::start().await;
    let ticket = zendesk.write(letter("Sanne", Some("sanne@example.com"))).await;
    let before = zendesk.read(OLD).await;
    for wrong in [
        json!({ "status": "deleted" }),
        json!({ "status": "lost" }),
        json!({ "priority": 3 }),
        json!({ "requester_id": 1 }),
        json!({ "due_at": "tomorrow" }),
    ] {
        assert_eq!(zendesk.change(&ticket["id"], wrong.clone()).await.status(), 422, "{wrong}");
    }
    assert_eq!(zendesk.change(&json!(1), json!({ "status": "open" })).await.status(), 404);
    assert_eq!(zendesk.read(OLD).await, before);
}

#[tokio::test]
async fn reading_needs_a_token_with_the_scope_and_no_token_writes() {
    let zendesk = HelpDesk::start().await;
    let path = "/api/v2/tickets/show_many?ids=1";
    assert_eq!(zendesk.get(path).send().await.unwrap().status(), 401);
    let users_only = zendesk.desk.oauth.issue("users:read");
    assert_eq!(zendesk.get(path).bearer_auth(&users_only).send().await.unwrap().status(), 403);

    let token = zendesk.desk.oauth.issue("tickets:read users:read");
    let url = format!("{}/api/v2/tickets.json", zendesk.desk.url);
    let body = json!({ "ticket": letter("Sanne", None) });
    let refused = zendesk.http.post(url).bearer_auth(token).json(&body).send().await.unwrap();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn a_customer_can_write_on_the_page() {
    let zendesk = HelpDesk::start().await;
    let answer = zendesk
        .http
        .post(format!("{}/requests", zendesk.desk.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("name=Sanne&email=&subject=&body=%3Cb%3EHello%3C%2Fb%3E")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303);
    let page = zendesk.get("").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("&lt;b&gt;Hello&lt;/b&gt;") && !page.contains("<b>"));
}

#[tokio::test]
async fn a_desk_with_a_file_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let client =
            OAuthClient { id: String::new(), secret: String::new(), redirect_url: String::new() };
        let file = Some(directory.path().join("zendesk.json"));
        let options = DeskOptions { file, ..DeskOptions::default() };
        Desk::open("acme", ([127, 0, 0, 1], 1).into(), client, options).unwrap()
    };
    let desk = open();
    let input = serde_json::from_value(letter("Sanne", Some("sanne@example.com"))).unwrap();
    let create = |desk: &Desk| {
        desk.store.create_ticket(&desk.url, &input, ticketsync::clock::now()).unwrap().id
    };
    let (first, second) = (create(&desk), create(&desk));
    desk.store.delete_ticket(first, ticketsync::clock::now()).unwrap();

    let again = open();
    assert!(again.store.all() == desk.store.all());
    assert_eq!(create(&again), second + 1, "no id is given twice");
    let restored = again.store.restore_ticket(first, ticketsync::clock::now()).unwrap();
    assert_eq!(restored.status_word(), "new");
    let all = again.store.all();
    assert!(all.iter().all(|(_, user)| *user == all[0].1), "one address is one user still");
}
