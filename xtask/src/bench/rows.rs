//! What is measured and what is to be reached.

/// One scenario of the load generator.
pub(crate) struct Row {
    /// Its name there.
    pub(crate) scenario: &'static str,
    pub(crate) what: &'static str,
    /// Whether it wants a broker that has done nothing before.
    pub(crate) fresh: bool,
    /// Whether the broker stores what must outlive it.
    pub(crate) durable: bool,
    /// Whether one round is enough.
    pub(crate) once: bool,
    pub(crate) figures: &'static [Figure],
}

/// A number that a row yields.
pub(crate) struct Figure {
    /// Its name in the load generator's report.
    pub(crate) field: &'static str,
    pub(crate) unit: &'static str,
    /// What a unit is in the report's terms.
    pub(crate) scale: f64,
    pub(crate) goal: Goal,
}

/// What a figure is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// At most this share of Mosquitto's: 30 is a thirtieth.
    Part(f64),
    /// At least so many times Mosquitto's.
    Times(f64),
    /// At most this.
    AtMost(f64),
    /// At most what the best of the others has.
    BestPeer,
    /// More is better, without a target.
    More,
    /// Less is better, without a target.
    Less,
}

impl Goal {
    /// Whether less is better.
    pub(crate) fn is_cost(self) -> bool {
        !matches!(self, Goal::Times(_) | Goal::More)
    }
}

/// The field of the row that is made here and not by the load generator.
pub(crate) const MEMORY_AFTER: &str = "memory_after_bytes";

const fn cpu(goal: Goal) -> Figure {
    Figure {
        field: "cpu_us_per_message",
        unit: "us CPU/message",
        scale: 1.0,
        goal,
    }
}

const fn rate(goal: Goal) -> Figure {
    Figure {
        field: "messages_per_second",
        unit: "messages/s",
        scale: 1.0,
        goal,
    }
}

const fn latency(field: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure {
        field,
        unit,
        scale: 1e3,
        goal,
    }
}

const fn flow(scenario: &'static str, what: &'static str, figures: &'static [Figure]) -> Row {
    Row {
        scenario,
        what,
        fresh: false,
        durable: false,
        once: false,
        figures,
    }
}

/// All of them, in the order in which they are run.
pub(crate) const ROWS: &[Row] = &[
    flow(
        "qos0-pairs",
        "QoS 0, 10 to 10",
        &[cpu(Goal::Part(30.0)), rate(Goal::Times(40.0))],
    ),
    flow(
        "qos0-fan-out",
        "QoS 0, one to 50",
        &[cpu(Goal::Part(30.0)), rate(Goal::More)],
    ),
    flow(
        "qos0-fan-in",
        "QoS 0, 20 to one",
        &[cpu(Goal::Part(20.0)), rate(Goal::More)],
    ),
    flow(
        "qos1-pairs",
        "QoS 1, 10 to 10",
        &[cpu(Goal::Part(25.0)), rate(Goal::More)],
    ),
    flow(
        "qos1-fan-out",
        "QoS 1, one to 50",
        &[cpu(Goal::Part(30.0)), rate(Goal::More)],
    ),
    flow(
        "qos2-pairs",
        "QoS 2, 10 to 10",
        &[cpu(Goal::Part(30.0)), rate(Goal::More)],
    ),
    Row {
        scenario: "durable",
        what: "durable QoS 1, 10 to 10",
        fresh: true,
        durable: true,
        once: false,
        figures: &[
            rate(Goal::More),
            latency("p50_us", "ms PUBACK p50", Goal::Less),
            latency("p99_us", "ms PUBACK p99", Goal::Less),
        ],
    },
    flow(
        "large",
        "QoS 0, 10 to 10, 1,024 bytes",
        &[cpu(Goal::Part(10.0)), rate(Goal::More)],
    ),
    flow(
        "websocket",
        "QoS 0, 10 to 10, WebSocket",
        &[cpu(Goal::Part(15.0)), rate(Goal::More)],
    ),
    flow(
        "tls",
        "QoS 0, 10 to 10, TLS",
        &[cpu(Goal::BestPeer), rate(Goal::More)],
    ),
    flow(
        "latency",
        "latency at 10,000 messages/s",
        &[
            latency("p50_us", "ms p50", Goal::BestPeer),
            latency("p99_us", "ms p99", Goal::BestPeer),
            latency("p999_us", "ms p99.9", Goal::Less),
        ],
    ),
    flow(
        "fairness",
        "others under one's flood",
        &[
            latency("ping_p99_us", "ms ping p99", Goal::AtMost(50.0)),
            latency("qos1_p99_us", "ms QoS 1 p99", Goal::AtMost(50.0)),
            rate(Goal::More),
        ],
    ),
    Row {
        scenario: "idle",
        what: "10,000 idle connections",
        fresh: true,
        durable: false,
        once: false,
        figures: &[
            Figure {
                field: "bytes_per_connection",
                unit: "KB each",
                scale: 1024.0,
                goal: Goal::AtMost(3.0),
            },
            Figure {
                field: "cpu_us_per_connection",
                unit: "us CPU to connect",
                scale: 1.0,
                goal: Goal::AtMost(100.0),
            },
        ],
    },
    Row {
        scenario: "crowd",
        what: "as many as may be, 20,000 at most",
        fresh: true,
        durable: false,
        once: true,
        figures: &[
            Figure {
                field: "connections",
                unit: "connections",
                scale: 1.0,
                goal: Goal::More,
            },
            Figure {
                field: "bytes_per_connection",
                unit: "KB each",
                scale: 1024.0,
                goal: Goal::Less,
            },
        ],
    },
];

/// What is left when all others have been run.
pub(crate) const AFTER: Row = Row {
    scenario: "after",
    what: "memory after the runs",
    fresh: false,
    durable: false,
    once: true,
    figures: &[Figure {
        field: MEMORY_AFTER,
        unit: "MB",
        scale: 1024.0 * 1024.0,
        goal: Goal::AtMost(40.0),
    }],
};
