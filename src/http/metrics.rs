//! The service's metrics in Prometheus' text format.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// The process's metrics. They are the process's, however many servers it runs.
#[derive(Clone)]
pub struct Metrics(Option<PrometheusHandle>);

impl Metrics {
    /// Starts to record, if nothing does yet.
    pub fn install() -> Self {
        static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        // Fails when the process records elsewhere already; then this endpoint stays empty.
        Self(HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone())
    }

    /// The metrics as text.
    pub fn render(&self) -> String {
        self.0.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }
}
