//! Several help desks at one address.

use reqwest::Client;
use serde_json::Value;
use ticketsync::{
    clock,
    sandbox::zendesk::{Desk, DeskOptions, OAuthClient, serve},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::desk::{ALL_SCOPES, letter};

#[tokio::test]
async fn help_desks_at_one_address_are_told_apart_by_their_subdomains() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let desks = ["acme", "acme-2"].map(|subdomain| {
        let (id, secret, redirect_url) = (String::new(), String::new(), String::new());
        let client = OAuthClient { id, secret, redirect_url };
        Desk::open(subdomain, at, client, DeskOptions::default()).unwrap()
    });
    let mut tasks = JoinSet::new();
    let both = desks.to_vec();
    tasks.spawn(async move { serve(&both, listener, CancellationToken::new()).await.unwrap() });

    let ids = [&desks[0], &desks[1]].map(|desk| {
        let name = desk.subdomain.as_str();
        let input = serde_json::from_value(letter(name, Some("ann@example.com"))).unwrap();
        desk.store.create_ticket(&desk.url, &input, clock::now()).unwrap().id
    });
    assert_eq!(ids[0], ids[1], "they number their tickets alike");
    let http = Client::builder().no_proxy().build().unwrap();
    for desk in &desks {
        let url = format!("{}/api/v2/tickets/show_many?ids={}&include=users", desk.url, ids[0]);
        let token = desk.oauth.issue(ALL_SCOPES);
        let own = http.get(&url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(own.json::<Value>().await.unwrap()["users"][0]["name"], desk.subdomain);
        let log = desk.requests();
        assert_eq!((log.len(), log[0].called), (1, Some(at)), "each logs its own calls");
    }
    let token = desks[0].oauth.issue(ALL_SCOPES);
    for (subdomain, status) in [("acme-2", 401), ("acme-3", 404), ("acm", 404), ("", 404)] {
        let url = format!("http://{at}/{subdomain}/api/v2/tickets/show_many?ids=1");
        let answer = http.get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{subdomain}");
    }
}
