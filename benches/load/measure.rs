//! The rounds of one engine: the service and its three baselines in turn, each on a fresh database.

use std::time::Duration;

use ticketsync::proto::v1::EventOutcome;

use super::{
    database::{Database, Engine, Ground},
    digest::Digest,
    input::{self, BLOCK, Sent},
    limit::Limit,
    load::{self, Outcomes},
    naive::Naive,
    process::Process,
    report::{EngineReport, Round},
    webhook,
};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    /// Events on streams and for the limit, in blocks.
    pub stream_blocks: usize,
    /// Events call by call and for the naive baseline, in blocks: a prefix of the others, since one
    /// transaction an event takes its time.
    pub unary_blocks: usize,
    /// Events with which the baselines' best ways are found.
    pub trial_events: usize,
    /// Webhook deliveries by 64 callers, and at 300 a second.
    pub posts: usize,
    pub paced_posts: usize,
}

/// The events of one kind of run, and what a database must hold after them.
struct Part {
    events: Vec<Sent>,
    digest: Option<Digest>,
}

/// An engine under measurement.
struct Bench<'a> {
    ground: &'a Ground,
    limit: Limit,
    naive: Naive,
    /// What goes through streams and the limit.
    whole: Part,
    /// What goes call by call and through the naive baseline.
    prefix: Part,
    plan: Plan,
    service_durability: String,
}

/// Measures an engine.
///
/// # Panics
/// When service, limit and naive do not end with the same rows: the result would be void.
pub async fn measure(engine: Engine, plan: Plan) -> EngineReport {
    let ground = Ground::new(engine).await;
    let events = input::events(plan.stream_blocks * BLOCK);
    let (limit, naive) = best(engine, &ground, plan, &events).await;
    let mut bench = Bench {
        ground: &ground,
        limit,
        naive,
        prefix: Part { events: events[..plan.unary_blocks * BLOCK].to_vec(), digest: None },
        whole: Part { events, digest: None },
        plan,
        service_durability: String::new(),
    };
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        let mut round = Round::default();
        let mut steps =
            [Step::Echo, Step::Stream, Step::Limit, Step::Unary, Step::Naive, Step::Webhook];
        // What one leaves behind must not always fall to the same next one.
        if number % 2 == 1 {
            steps.reverse();
        }
        for step in steps {
            bench.run(step, &mut round).await;
        }
        rounds.push(round);
    }
    let Bench { whole, prefix, service_durability, .. } = bench;
    EngineReport {
        engine,
        durability: [service_durability, ground.database().await.durability().await],
        limit,
        naive,
        events: [whole.events.len(), prefix.events.len()],
        digests: [whole.digest.unwrap(), prefix.digest.unwrap()],
        rounds,
    }
}

impl Bench<'_> {
    async fn run(&mut self, step: Step, round: &mut Round) {
        match step {
            Step::Echo => {
                let echo = Process::echo();
                let (elapsed, _) = load::stream(&echo, &self.whole.events).await;
                round.echo = rate(self.whole.events.len(), elapsed);
                let (elapsed, _) = load::unary(&echo, &self.prefix.events).await;
                round.unary_echo = rate(self.prefix.events.len(), elapsed);
            }
            Step::Stream => {
                let database = self.ground.database().await;
                let service = self.serve(&database);
                let (elapsed, outcomes) = load::stream(&service, &self.whole.events).await;
                drop(service);
                check(&outcomes, self.whole.events.len());
                round.stream = self.whole.settle(&database, elapsed, "streams").await;
            }
            Step::Limit => {
                let database = self.ground.database().await;
                let elapsed = self.limit.run(&database, &self.whole.events).await;
                round.limit = self.whole.settle(&database, elapsed, "limit").await;
            }
            Step::Unary => {
                let database = self.ground.database().await;
                let service = self.serve(&database);
                let (elapsed, outcomes) = load::unary(&service, &self.prefix.events).await;
                drop(service);
                check(&outcomes, self.prefix.events.len());
                round.unary = self.prefix.settle(&database, elapsed, "calls").await;
            }
            Step::Naive => {
                let database = self.ground.database().await;
                let elapsed = self.naive.run(&database, &self.prefix.events).await;
                round.naive = self.prefix.settle(&database, elapsed, "naive").await;
            }
            Step::Webhook => {
                let database = self.ground.database().await;
                let mut session = database.session().await;
                webhook::register(&mut session).await;
                let service = self.serve(&database);
                let (posts, paced) = (self.plan.posts, self.plan.paced_posts);
                let elapsed = webhook::at_once(&service, posts).await;
                round.webhook = rate(posts, elapsed);
                round.webhook_p99 = webhook::paced(&service, paced).await;
                drop(service);
                let stored = session.texts("select event_id from inbox").await;
                session.close().await;
                assert_eq!(stored.len(), posts + paced, "void: not every delivery is stored");
            }
        }
    }

    fn serve(&mut self, database: &Database<'_>) -> Process {
        let service = Process::service(database);
        service.durability().clone_into(&mut self.service_durability);
        service
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Echo,
    Stream,
    Limit,
    Unary,
    Naive,
    Webhook,
}

impl Part {
    /// Compares what the database holds with what those before it held, and answers the rate.
    async fn settle(&mut self, database: &Database<'_>, elapsed: Duration, who: &str) -> f64 {
        let mut session = database.session().await;
        let digest = Digest::of(&mut session).await;
        session.close().await;
        let expected = self.digest.get_or_insert_with(|| digest.clone());
        assert_eq!(*expected, digest, "void: {who} ended with other rows");
        rate(self.events.len(), elapsed)
    }
}

/// The baselines' best ways, on a short input.
async fn best(engine: Engine, ground: &Ground, plan: Plan, events: &[Sent]) -> (Limit, Naive) {
    let mut limits = Vec::new();
    for limit in Limit::all() {
        let database = ground.database().await;
        limits.push((limit.run(&database, &events[..plan.trial_events]).await, limit));
    }
    let mut naives = Vec::new();
    let few = &events[..plan.trial_events / 10];
    for naive in Naive::ALL {
        let database = ground.database().await;
        naives.push((naive.run(&database, few).await, naive));
    }
    for (elapsed, limit) in &limits {
        eprintln!("{engine} limit, {limit}: {:.0}/s", rate(plan.trial_events, *elapsed));
    }
    for (elapsed, naive) in &naives {
        eprintln!("{engine} naive, {naive}: {:.0}/s", rate(few.len(), *elapsed));
    }
    let limit = limits.into_iter().min_by_key(|(elapsed, _)| *elapsed);
    let naive = naives.into_iter().min_by_key(|(elapsed, _)| *elapsed);
    (limit.unwrap().1, naive.unwrap().1)
}

/// Every share of the input must have had its outcome.
fn check(outcomes: &Outcomes, events: usize) {
    let twentieths = [
        (EventOutcome::Created, 9),
        (EventOutcome::Updated, 8),
        (EventOutcome::Duplicate, 1),
        (EventOutcome::Stale, 1),
        (EventOutcome::Unchanged, 1),
    ];
    let expected: Outcomes = twentieths
        .iter()
        .map(|(outcome, share)| (i32::from(*outcome), share * events / 20))
        .collect();
    assert_eq!(*outcomes, expected, "void: the answers have other outcomes");
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 events")]
fn rate(events: usize, elapsed: Duration) -> f64 {
    events as f64 / elapsed.as_secs_f64()
}
