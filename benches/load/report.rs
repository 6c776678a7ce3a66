//! What was measured: a table for people, a file for machines.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::{database::Engine, digest::Digest, limit::Limit, naive::Naive};

/// What is to be reached on two cores: `stream_vs_ideal`, and `unary_vs_naive` by engine.
const STREAM_VS_IDEAL: f64 = 0.6;
const UNARY_VS_NAIVE_SQLITE: f64 = 15.0;
const UNARY_VS_NAIVE_POSTGRES: f64 = 3.0;

/// Signed webhook deliveries a second, stored and answered, by 64 callers; on `PostgreSQL`.
const WEBHOOK_PER_S: f64 = 3_000.0;
/// The slowest of a hundred at 300 a second, in milliseconds from when it was to be sent.
const WEBHOOK_P99_MS_AT_300: f64 = 5.0;

/// Events per second of one round, and how long deliveries took.
#[derive(Default)]
pub struct Round {
    pub stream: f64,
    pub unary: f64,
    pub echo: f64,
    /// The echo, asked call by call.
    pub unary_echo: f64,
    pub limit: f64,
    pub naive: f64,
    pub webhook: f64,
    pub webhook_p99: Duration,
}

impl Round {
    /// What a service would make that took for each event what the limit and the echo take
    /// together: they share the cores.
    fn ideal(&self) -> f64 {
        1.0 / (1.0 / self.limit + 1.0 / self.echo)
    }

    /// The same call by call, as if such calls came in the limit's batches.
    fn unary_ideal(&self) -> f64 {
        1.0 / (1.0 / self.limit + 1.0 / self.unary_echo)
    }

    fn stream_vs_ideal(&self) -> f64 {
        self.stream / self.ideal()
    }

    fn unary_vs_naive(&self) -> f64 {
        self.unary / self.naive
    }
}

/// What was measured on one engine.
pub struct EngineReport {
    pub engine: Engine,
    /// What the service's writer and the baselines' sessions say of their durability.
    pub durability: [String; 2],
    pub limit: Limit,
    pub naive: Naive,
    /// How many events went through streams and limit, and how many call by call and naively.
    pub events: [usize; 2],
    /// What the databases of service, limit and naive held in the end, for either number of events.
    pub digests: [Digest; 2],
    pub rounds: Vec<Round>,
}

/// The middle, the least and the greatest of the rounds.
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl EngineReport {
    fn spread(&self, of: impl Fn(&Round) -> f64) -> Spread {
        let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        let (min, max) = (values[0], values[values.len() - 1]);
        Spread { median: f64::midpoint(lower, upper), min, max }
    }

    /// The rates, by name.
    fn rates(&self) -> [(&'static str, Spread); 8] {
        [
            ("stream", self.spread(|round| round.stream)),
            ("echo", self.spread(|round| round.echo)),
            ("limit", self.spread(|round| round.limit)),
            ("ideal", self.spread(Round::ideal)),
            ("unary", self.spread(|round| round.unary)),
            ("unary_echo", self.spread(|round| round.unary_echo)),
            ("unary_ideal", self.spread(Round::unary_ideal)),
            ("naive", self.spread(|round| round.naive)),
        ]
    }

    /// The ratios, by name, with what is to be reached.
    fn ratios(&self) -> [(&'static str, Spread, f64); 2] {
        let unary = match self.engine {
            Engine::Sqlite => UNARY_VS_NAIVE_SQLITE,
            Engine::Postgres => UNARY_VS_NAIVE_POSTGRES,
        };
        [
            ("stream_vs_ideal", self.spread(Round::stream_vs_ideal), STREAM_VS_IDEAL),
            ("unary_vs_naive", self.spread(Round::unary_vs_naive), unary),
        ]
    }

    /// What webhooks make, by name, with what is to be reached, where that is stated.
    fn webhooks(&self) -> [(&'static str, Spread, Option<f64>); 2] {
        let per_second = match self.engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(WEBHOOK_PER_S),
        };
        let p99 = self.spread(|round| round.webhook_p99.as_secs_f64() * 1_000.0);
        [
            ("webhook_per_s", self.spread(|round| round.webhook), per_second),
            ("webhook_p99_ms_at_300", p99, Some(WEBHOOK_P99_MS_AT_300)),
        ]
    }

    fn json(&self) -> Value {
        let spread = |spread: &Spread| json!({"median": spread.median, "min": spread.min, "max": spread.max});
        let digest = |events: usize, digest: &Digest| {
            let rows: Value = digest
                .counts()
                .map(|(table, count)| (table.to_owned(), count.into()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            json!({"events": events, "rows": rows, "digest": digest.to_string()})
        };
        let mut value = json!({
            "durability": {"service": self.durability[0], "baselines": self.durability[1]},
            "limit": self.limit.to_string(),
            "naive": self.naive.to_string(),
            "rounds": self.rounds.len(),
            "stream_and_limit": digest(self.events[0], &self.digests[0]),
            "unary_and_naive": digest(self.events[1], &self.digests[1]),
        });
        for (name, ratio, target) in self.ratios() {
            value[name] = spread(&ratio);
            value[name]["target"] = target.into();
        }
        for (name, measured, target) in self.webhooks() {
            value[name] = spread(&measured);
            value[name]["target"] = target.into();
        }
        for (name, rate) in self.rates() {
            value["events_per_second"][name] = spread(&rate);
        }
        value
    }
}

/// Prints the table.
pub fn print(reports: &[EngineReport]) {
    let line = |cells: [&str; 6]| {
        let [engine, name, median, min, max, target] = cells;
        println!("{engine:<10}{name:<23}{median:>10}{min:>10}{max:>10}{target:>10}");
    };
    line(["engine", "", "median", "min", "max", "to reach"]);
    for report in reports {
        let engine = report.engine.to_string();
        for (name, Spread { median, min, max }) in report.rates() {
            let [median, min, max] = [median, min, max].map(|rate| format!("{rate:.0}/s"));
            line([&engine, name, &median, &min, &max, ""]);
        }
        for (name, Spread { median, min, max }, target) in report.ratios() {
            let [median, min, max] = [median, min, max].map(|ratio| format!("{ratio:.2}"));
            line([&engine, name, &median, &min, &max, &format!("{target:.1}")]);
        }
        for (name, Spread { median, min, max }, target) in report.webhooks() {
            let [median, min, max] = [median, min, max].map(|measured| format!("{measured:.1}"));
            let target = target.map(|target| format!("{target:.1}")).unwrap_or_default();
            line([&engine, name, &median, &min, &max, &target]);
        }
    }
    for report in reports {
        let [service, baselines] = &report.durability;
        println!(
            "{}: {} events on streams, {} call by call, {} rounds; limit {}; naive {}; \
             service {service}; baselines {baselines}",
            report.engine,
            report.events[0],
            report.events[1],
            report.rounds.len(),
            report.limit,
            report.naive
        );
    }
}

/// Writes `target/bench/load.json`.
pub fn write(reports: &[EngineReport]) -> PathBuf {
    let engines: serde_json::Map<String, Value> =
        reports.iter().map(|report| (report.engine.to_string(), report.json())).collect();
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("load.json");
    let text = serde_json::to_string_pretty(&json!({"engines": engines})).unwrap();
    fs::write(&file, text + "\n").unwrap();
    file
}
