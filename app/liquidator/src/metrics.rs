//! What the bot counts, for Prometheus and for the dashboard.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request that takes longer is none.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Most of a request that is looked at.
const REQUEST_BYTES: usize = 4_096;

/// A value that is set, of a `u64`.
#[derive(Clone, Debug)]
pub struct Gauge(IntGauge);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.get()
    }
}

/// Times in seconds.
#[derive(Clone, Debug)]
pub struct Times(Histogram);

impl Times {
    /// Enters one.
    pub fn observe(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }

    /// How many were entered, and their sum in seconds.
    pub fn total(&self) -> (u64, f64) {
        (self.0.get_sample_count(), self.0.get_sample_sum())
    }
}

macro_rules! metrics {
    ($($field:ident: $kind:ident = $name:literal, $help:literal;)*) => {
        /// All metrics.
        pub struct Metrics {
            registry: Registry,
            outcomes: IntGaugeVec,
            upkeep: IntGaugeVec,
            faults: IntGaugeVec,
            profit: IntGauge,
            /// The bot's own time from news to a sent transaction.
            pub latency: Times,
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Metrics {
            /// All of them, at zero.
            ///
            /// # Errors
            /// Prometheus's, of a name that is taken twice.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                let vector = |name: &str, help: &str, labels: &[&str]| {
                    let gauges = IntGaugeVec::new(Opts::new(format!("taper_liquidator_{name}"), help), labels)?;
                    registry.register(Box::new(gauges.clone()))?;
                    Ok::<_, prometheus::Error>(gauges)
                };
                let outcomes = vector("actions", "Actions by what became of them.", &["outcome"])?;
                let upkeep = vector("upkeep", "Calls that pay nobody, by what became of them.", &["call", "outcome"])?;
                let faults = vector("node_faults", "Requests that the node did not answer as it should, by kind.", &["kind"])?;
                let profit = IntGauge::new("taper_liquidator_profit_atoms", "Earned less fees, in quote atoms.")?;
                registry.register(Box::new(profit.clone()))?;
                let buckets = vec![0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];
                let help = "The bot's own time from news to a sent transaction, in seconds.";
                let latency = HistogramOpts::new("taper_liquidator_own_time_seconds", help).buckets(buckets);
                let latency = Histogram::with_opts(latency)?;
                registry.register(Box::new(latency.clone()))?;
                $(let $field = metrics!(@make registry $kind $name $help);)*
                Ok(Self { registry, outcomes, upkeep, faults, profit, latency: Times(latency), $($field,)* })
            }
        }
    };
    (@make $registry:ident Gauge $name:literal $help:literal) => {{
        let gauge = IntGauge::new(concat!("taper_liquidator_", $name), $help)?;
        $registry.register(Box::new(gauge.clone()))?;
        Gauge(gauge)
    }};
    (@make $registry:ident IntCounter $name:literal $help:literal) => {{
        let counter = IntCounter::new(concat!("taper_liquidator_", $name), $help)?;
        $registry.register(Box::new(counter.clone()))?;
        counter
    }};
}

metrics! {
    updates: IntCounter = "updates_total", "Updates of accounts that arrived.";
    dropped: IntCounter = "updates_dropped_total", "Updates dropped because the queue was full; each leads to loading everything anew.";
    unreadable: IntCounter = "updates_unreadable_total", "Updates that were not understood; each leads to loading everything anew.";
    late: IntCounter = "updates_late_total", "Updates of slots far behind the chain's clock; each leads to loading everything anew.";
    fee_capped: IntCounter = "fee_capped_total", "Times that the usual priority fee was above the most that is offered.";
    unusable: Gauge = "accounts_unusable", "Accounts that were left out when everything was loaded, for they do not decode.";
    connections: IntCounter = "connections_total", "Websocket connections made.";
    loads: IntCounter = "loads_total", "Times that everything was loaded.";
    clock_failures: IntCounter = "clock_failures_total", "Times that the chain's clock could not be read.";
    over_limit: IntCounter = "over_limit_total", "Slices that a limit forbade.";
    synced: Gauge = "synced", "1 while everything is known.";
    queue: Gauge = "queue_updates", "Updates that wait.";
    slot: Gauge = "slot", "Slot of the chain's clock.";
    accounts: Gauge = "accounts", "Margin accounts known.";
    markets: Gauge = "markets", "Markets known.";
    at_risk: Gauge = "accounts_at_risk", "Accounts that a call could do something to.";
    in_flight: Gauge = "actions_in_flight", "Actions without an outcome.";
    spend_left: Gauge = "spend_left_lamports", "Lamports that may still be spent in this hour.";
    inventory: Gauge = "inventory_atoms", "Notional held and on its way, in quote atoms.";
    slices: Gauge = "slices", "Slices that landed.";
    payout: Gauge = "payout_atoms", "Paid to the bot, in quote atoms.";
    fees: Gauge = "fees_lamports", "Fees paid.";
}

impl Metrics {
    /// How many actions ended how.
    pub fn set_outcomes(&self, outcomes: &BTreeMap<&'static str, u64>) {
        for (label, count) in outcomes {
            self.outcomes.with_label_values(&[label]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }

    /// How many actions ended this way.
    pub fn outcome(&self, label: &str) -> i64 {
        self.outcomes.with_label_values(&[label]).get()
    }

    /// How many calls that pay nobody ended how.
    pub fn set_upkeep(&self, outcomes: &BTreeMap<(&'static str, &'static str), u64>) {
        for ((call, outcome), count) in outcomes {
            self.upkeep.with_label_values(&[call, outcome]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }

    /// How many of these calls ended this way.
    pub fn upkeep(&self, call: &str, outcome: &str) -> i64 {
        self.upkeep.with_label_values(&[call, outcome]).get()
    }

    /// How often the node did not answer as it should.
    pub fn set_faults(&self, faults: impl Iterator<Item = (&'static str, u64)>) {
        for (kind, count) in faults {
            self.faults.with_label_values(&[kind]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// How often it did not in this way.
    pub fn faults(&self, kind: &str) -> i64 {
        self.faults.with_label_values(&[kind]).get()
    }

    /// Earned less fees.
    pub fn set_profit(&self, atoms: i64) {
        self.profit.set(atoms);
    }

    /// Earned less fees.
    pub fn profit_atoms(&self) -> i64 {
        self.profit.get()
    }

    /// All of them as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory cannot fail; a family without a name cannot be registered.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// Serves `GET /metrics` until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, metrics: Arc<Metrics>) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let metrics = metrics.clone();
            tokio::spawn(async move {
                // A scraper that goes away in the middle is its own affair.
                let _ = tokio::time::timeout(REQUEST_TIMEOUT, answer(stream, &metrics)).await;
            });
        }
    });
    Ok(())
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = vec![0; REQUEST_BYTES];
    let mut len = 0;
    while len < request.len() && !request[..len].windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut request[len..]).await? {
            0 => break,
            read => len += read,
        }
    }
    let (status, body) = match request.starts_with(b"GET /metrics ") {
        true => ("200 OK", metrics.text()),
        false => ("404 Not Found", "metrics are at /metrics\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scraper_reads_what_was_counted() {
        let metrics = Arc::new(Metrics::new().unwrap());
        metrics.updates.inc_by(3);
        metrics.set_outcomes(&BTreeMap::from([("lost_race", 2)]));
        metrics.latency.observe(Duration::from_micros(300));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        serve(address, metrics).await.unwrap();
        let ask = |path: &'static str| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        };
        let text = ask("/metrics").await;
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
        assert!(text.contains("taper_liquidator_updates_total 3"), "{text}");
        assert!(text.contains("taper_liquidator_actions{outcome=\"lost_race\"} 2"), "{text}");
        assert!(text.contains("taper_liquidator_own_time_seconds_bucket{le=\"0.0005\"} 1"), "{text}");
        assert!(ask("/secret").await.starts_with("HTTP/1.1 404"));
    }
}
