//! The soak itself: a day at the help desks, throttled for a while, and two kills.

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use ticketsync::{
    clock,
    proto::v1::{ConnectionState, SyncProblem, WebhookState},
    sandbox::zendesk,
};
use tokio::{
    task::{JoinSet, yield_now},
    time::{interval, timeout},
};

use super::{
    checks::{TOKENS, tokens_were_lost_by_a_kill},
    ending::{assert_sound, until_in_sync},
    people::People,
    site::{DESKS, Linked, Site},
};
use crate::support::{Clients, PATIENCE, eventually, within};

/// How many hints there are in all.
pub const HINTS: u64 = 20_000;
/// How many tickets a help desk has before it is connected.
const OLD_TICKETS: usize = 40;
/// How many deliveries of a help desk wait at most: its people do not get further ahead.
const MAX_WAITING: usize = 100;
/// How often people look whether they may go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How chance falls, unless `SOAK_SEED` says otherwise.
const SEED: u64 = 20_261_124;
/// Longer than the lease of a killed replica lasts, and what waits for it takes afterwards.
pub const AFTER_A_KILL: Duration = Duration::from_mins(4);
/// How often what takes minutes is looked at.
pub const NOW_AND_THEN: Duration = Duration::from_millis(250);
/// How long an answer of tokens is held back that nobody is to hear: shorter than the service waits.
const HELD_MS: u64 = 8_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_hints_on_two_replicas_that_are_killed_end_in_sync() {
    let seed = env::var("SOAK_SEED").ok().map_or(SEED, |seed| seed.parse().unwrap());
    tell(&format!("begins, SOAK_SEED={seed}"));
    let mut site = Site::start(seed).await;
    let people: Vec<People> =
        (0..).zip(&site.desks).map(|(n, desk)| early(desk, seed ^ n)).collect();
    let clients = site.clients(0).await;
    let linked = site.connect(&clients).await;
    until_registered(&clients, &linked).await;

    let mut busy = JoinSet::new();
    for people in people {
        busy.spawn(work(people));
    }
    throttle_for_a_while(&site, &clients, &linked).await;
    let first = kill_before_the_tokens_are_stored(&mut site).await;
    progress(&site, 25).await;
    site.kill(1 - first);
    tell("the other replica is killed");
    progress(&site, 30).await;
    site.replace(1 - first).await;
    let clients = site.clients(first).await;
    authorize_again(&site, &clients, &linked[0]).await;

    busy.join_all().await;
    tell("the people go home");
    let closed_at = clock::now();
    until_in_sync(&site, &clients, &linked, closed_at).await;
    assert_sound(&site, &linked, first).await;
}

/// Tells whoever runs the tests, also where they capture what is printed.
pub fn tell(what: &str) {
    let now = jiff::Timestamp::from_microsecond(clock::now().as_micros()).unwrap();
    let mut terminal = io::stderr();
    writeln!(terminal, "{now:.0} soak: {what}").unwrap();
}

/// The help desk has tickets before anybody connects it.
fn early(desk: &zendesk::Desk, seed: u64) -> People {
    let mut people = People::new(desk.clone(), seed);
    (0..OLD_TICKETS).for_each(|_| people.write());
    people
}

/// People are at it until their help desk's share of the hints is reached.
async fn work(mut people: People) {
    let mut look = interval(LOOK_EVERY);
    while people.desk.event_count() < HINTS.div_ceil(DESKS) {
        let delivered = async {
            while people.desk.waiting_deliveries() >= MAX_WAITING {
                look.tick().await;
            }
        };
        timeout(PATIENCE, delivered).await.expect("no delivery goes out");
        people.act();
        yield_now().await;
    }
    people.close();
}

/// Waits until so many hundredths of the hints were made.
async fn progress(site: &Site, percent: u64) {
    within(AFTER_A_KILL, NOW_AND_THEN, "progress", async || {
        (site.hint_count() * 100 >= HINTS * percent).then_some(())
    })
    .await;
}

/// Waits until every webhook is there, and the second is over in which the last connection was
/// finished: only what is created after that is new.
async fn until_registered(clients: &Clients, linked: &[Linked]) {
    for linked in linked {
        eventually("the webhook", async || {
            let connection = linked.connection(clients).await;
            let finished = connection.finish_time.unwrap();
            let over = clock::now().as_micros() / 1_000_000 > finished.seconds;
            (over && connection.webhook_state() == WebhookState::Registered).then_some(())
        })
        .await;
    }
}

/// Every call is answered 429, until that is seen and some time beyond.
async fn throttle_for_a_while(site: &Site, clients: &Clients, linked: &[Linked]) {
    let throttle = |on| {
        let turn = |desk: &zendesk::Desk| {
            desk.switches.turn(|it| (it.throttle, it.retry_after_seconds) = (on, 2));
        };
        site.desks.iter().for_each(turn);
    };
    progress(site, 4).await;
    throttle(true);
    within(AFTER_A_KILL, NOW_AND_THEN, "a connection that is limited", async || {
        for linked in linked {
            let status = linked.connection(clients).await.sync_status.unwrap();
            if status.problem() == SyncProblem::RateLimited {
                return Some(());
            }
        }
        None
    })
    .await;
    progress(site, 8).await;
    throttle(false);
    tell("the throttled while is over");
}

/// Kills the replica that has just refreshed the first help desk's tokens before it hears of the new
/// ones, and starts another in its place; which one it was.
async fn kill_before_the_tokens_are_stored(site: &mut Site) -> usize {
    let desk = site.desks[0].clone();
    let (turned_at, rotations) = (clock::now(), desk.oauth.rotations());
    desk.switches.turn(|switches| switches.hold_token_answers_ms = HELD_MS);
    let refresh = || {
        let calls = desk.requests().into_iter().rev();
        calls.filter(|call| call.path == TOKENS).find(|call| call.started_at >= turned_at)
    };
    let asked = within(AFTER_A_KILL, NOW_AND_THEN, "a refresh", async || {
        refresh().filter(|_| desk.oauth.rotations() > rotations)
    })
    .await;
    assert_eq!(asked.ended_at, None, "nobody has heard of the new tokens");
    let replica = site.who_calls(asked.called.unwrap());
    site.kill(replica);
    tell("a replica is killed before it hears of its new tokens");
    desk.switches.turn(|switches| switches.hold_token_answers_ms = 0);
    let ended = eventually("the end of the call", async || {
        refresh().filter(|call| call.ended_at.is_some())
    })
    .await;
    assert_eq!((ended.started_at, ended.status), (asked.started_at, None), "no answer went out");
    site.replace(replica).await;
    replica
}

/// What comes of that kill: the connection has to be authorised again, takes hints all the same, and
/// goes on where it was once somebody has done so.
async fn authorize_again(site: &Site, clients: &Clients, linked: &Linked) {
    let connection = within(AFTER_A_KILL, NOW_AND_THEN, "NEEDS_REAUTHORIZATION", async || {
        let connection = linked.connection(clients).await;
        let problem = connection.sync_status.as_ref().unwrap().problem();
        (problem == SyncProblem::Unauthorized).then_some(connection)
    })
    .await;
    assert_eq!(connection.state(), ConnectionState::NeedsReauthorization);
    assert!(tokens_were_lost_by_a_kill(&linked.desk.requests(), &site.kills));
    let waiting = connection.sync_status.unwrap().waiting_hint_count;
    assert!(waiting > 0, "what comes in meanwhile waits");
    tell(&format!("a connection has to be authorised again, and {waiting} hints wait for it"));
    assert_eq!(site.authorize(clients, &linked.to.account_id, &linked.desk).await, linked.to);
    assert_eq!(linked.connection(clients).await.state(), ConnectionState::Active);
}
