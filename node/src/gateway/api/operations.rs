//! The table of all operations.

use super::{
    super::{feed, follow, metrics, trail},
    Operation, WAIT, WAIT_MAX, ask,
    operation::{Parameter, Takes},
    read, submit,
};
use crate::gateway::openapi;

const FROM: Parameter = Parameter {
    name: "from",
    place: "query",
    says: "The first slot.",
    takes: Takes::Number(0, u64::MAX, Some(0)),
};

const LIMIT: Parameter = Parameter {
    name: "limit",
    place: "query",
    says: "The most rows.",
    takes: Takes::Number(1, read::ROWS_MAX as u64, Some(read::ROWS as u64)),
};

const OFFSET: Parameter = Parameter {
    name: "offset",
    place: "query",
    says: "How many rows to pass over.",
    takes: Takes::Number(0, u64::MAX, Some(0)),
};

const ITEMS: Parameter = Parameter {
    name: "items",
    place: "query",
    says: "How many effects to pass over.",
    takes: Takes::Number(0, u64::MAX, Some(0)),
};

const SLOT: Parameter = Parameter {
    name: "slot",
    place: "query",
    says: "After which slot at the latest; after the last if left out.",
    takes: Takes::Number(0, u64::MAX, None),
};

const PROCESS: Parameter = Parameter {
    name: "process",
    place: "query",
    says: "Only of this process.",
    takes: Takes::Id("proc"),
};

const LAST_EVENT: Parameter = Parameter {
    name: "Last-Event-ID",
    place: "header",
    says: "The id of the last event that came, to go on behind it.",
    takes: Takes::Number(0, u64::MAX - 1, None),
};

/// How long to wait, and for how long that is if it is left out.
const fn wait(usual: std::time::Duration) -> Parameter {
    Parameter {
        name: "wait",
        place: "query",
        says: "How many milliseconds to wait for what is not there yet.",
        takes: Takes::Number(0, WAIT_MAX.as_secs() * 1_000, Some(usual.as_secs() * 1_000)),
    }
}

const REPLY_WAIT: Parameter = wait(WAIT);
const SLOT_WAIT: Parameter = wait(std::time::Duration::ZERO);

/// What can fail where units are asked about something that they may not know.
const ASKS: &[u16] = &[404, 500, 502, 503];

/// What can fail where there is a body, too.
const POSTS: &[u16] = &[403, 404, 408, 409, 413, 415, 422, 500, 502, 503];

const EVENTS: &str = "text/event-stream";

/// All operations.
pub(in super::super) fn operations() -> Vec<Operation> {
    let mut all = of_network();
    all.extend(of_processes());
    all.extend(of_messages());
    all
}

fn of_network() -> Vec<Operation> {
    vec![
        Operation::get(
            ("/api/v1/openapi.json", "describe"),
            "This description.",
            openapi::description,
        )
        .gives(200, "Any", "The description, in OpenAPI 3.1."),
        Operation::get(
            ("/api/v1/metrics", "metrics"),
            "What the gateway and all units count, in the text format of Prometheus; the same as \
             /metrics.",
            metrics::metrics,
        )
        .gives_as(
            "text/plain",
            200,
            "Text",
            "Families of numbers; docs/metrics.md lists them.",
        ),
        Operation::get(
            ("/api/v1/network", "network"),
            "The network, and the account for which the gateway signs, if it holds a key.",
            read::network,
        )
        .gives(200, "Network", "The network."),
        Operation::get(("/api/v1/units", "units"), "All units that are known.", read::units).gives(
            200,
            "Units",
            "The units, by role.",
        ),
        Operation::get(("/api/v1/unit/{unit}", "unit"), "One unit.", read::unit)
            .gives(200, "Unit", "The unit.")
            .fails(&[404]),
        Operation::get(
            ("/api/v1/processes", "processes"),
            "Processes, newest first for each scheduler.",
            read::processes,
        )
        .takes(&[OFFSET, LIMIT])
        .gives(200, "Processes", "A piece of the list."),
        Operation::get(
            ("/api/v1/outbox", "outbox"),
            "What waits to be delivered from process to process, and why.",
            read::outbox,
        )
        .takes(&[PROCESS, LIMIT])
        .gives(200, "Waiting", "Pairs of processes, those that are blocked first.")
        .fails(ASKS),
        Operation::get(
            ("/api/v1/events", "watch"),
            "Outcomes as they come, for people to look at: what comes too fast is counted instead, \
             in events `missed`. The events of a process have no gaps.",
            feed::events,
        )
        .takes(&[PROCESS])
        .gives_as(EVENTS, 200, "NewsEvent", "Events `outcome` and `missed`.")
        .fails(&[503]),
    ]
}

fn of_processes() -> Vec<Operation> {
    let mut all = vec![
        Operation::get(("/api/v1/process/{process}", "process"), "One process.", read::process)
            .gives(200, "Process", "The process.")
            .fails(ASKS),
        Operation::get(
            ("/api/v1/process/{process}/schema", "schema"),
            "What the module of a process says of its methods.",
            read::schema,
        )
        .gives(200, "Schema", "The schema.")
        .fails(ASKS),
        Operation::get(
            ("/api/v1/process/{process}/log", "log"),
            "A log from a slot on, oldest first. Ask again from `next`.",
            read::log,
        )
        .takes(&[FROM, LIMIT])
        .gives(200, "Log", "A piece of the log.")
        .fails(ASKS),
        Operation::get(
            ("/api/v1/process/{process}/outcomes", "outcomes"),
            "Outcomes from a slot on. Ask again from `next`.",
            read::outcomes,
        )
        .takes(&[FROM, LIMIT])
        .gives(200, "Outcomes", "Outcomes, each by the word of a unit of the policy.")
        .fails(ASKS),
    ];
    all.extend(of_states());
    all
}

fn of_states() -> Vec<Operation> {
    vec![
        Operation::get(
            ("/api/v1/process/{process}/outcome/{slot}", "outcome"),
            "The outcome of one slot, waited for if it is not there.",
            read::outcome,
        )
        .takes(&[SLOT_WAIT])
        .gives(200, "Outcome", "The outcome.")
        .fails(ASKS)
        .waits(),
        Operation::get(
            ("/api/v1/process/{process}/state", "state"),
            "The newest state root that a unit of the policy has signed, of a slot at the latest.",
            read::state,
        )
        .takes(&[SLOT])
        .gives(200, "State", "The state root, and the slot after which it is that.")
        .fails(ASKS),
        Operation::get(
            ("/api/v1/process/{process}/events", "follow"),
            "Every outcome from a slot on, in order and without gaps. The id of an event is its \
             slot.",
            follow::events,
        )
        .takes(&[FROM, LAST_EVENT])
        .gives_as(
            EVENTS,
            200,
            "OutcomeEvent",
            "Events `outcome`, and `cut` where it does not keep up.",
        )
        .fails(ASKS),
        Operation::post(
            ("/api/v1/process/{process}/view", "view"),
            "Asks a process without changing it.",
            ask::view,
        )
        .body(&[("application/json", "View")])
        .gives(200, "Viewed", "The answer, and the slot after which it was given.")
        .fails(POSTS),
        Operation::post(
            ("/api/v1/process/{process}/calls", "call"),
            "Sends a message with the key that the gateway holds for development, and waits for \
             the reply.",
            submit::call,
        )
        .takes(&[REPLY_WAIT])
        .body(&[("application/json", "Call")])
        .gives(200, "Replied", "The reply, or the error that the actor answered with.")
        .gives(202, "UnderWay", "The message is on its way: ask for its reply.")
        .fails(POSTS)
        .waits(),
    ]
}

fn of_messages() -> Vec<Operation> {
    vec![
        Operation::post(
            ("/api/v1/messages", "submit"),
            "Submits a signed message, and waits for the reply. The same bytes may be sent again \
             at any time; they take effect once.",
            submit::message,
        )
        .takes(&[REPLY_WAIT])
        .body(&[("application/json", "SignedMessage"), ("application/cbor", "Bytes")])
        .gives(200, "Replied", "The reply, or the error that the actor answered with.")
        .gives(202, "UnderWay", "The message is on its way: ask for its reply.")
        .fails(POSTS)
        .waits(),
        Operation::get(
            ("/api/v1/message/{message}", "message"),
            "A message with its place and proofs, where it came from and what it caused.",
            read::message,
        )
        .takes(&[ITEMS])
        .gives(200, "Message", "The message.")
        .fails(ASKS),
        Operation::get(
            ("/api/v1/message/{message}/reply", "reply"),
            "The final reply to a message, waited for if it is not there.",
            submit::reply,
        )
        .takes(&[REPLY_WAIT])
        .gives(200, "Replied", "The reply, or the error that the actor answered with.")
        .gives(202, "UnderWay", "There is none yet.")
        .fails(ASKS)
        .waits(),
        Operation::get(
            ("/api/v1/message/{message}/events", "listen"),
            "A message to its final reply: events `assigned`, `outcome` if the reply comes in a \
             later slot, and `reply`, then the stream ends.",
            trail::events,
        )
        .takes(&[LAST_EVENT])
        .gives_as(EVENTS, 200, "MessageEvent", "What becomes of the message.")
        .gives_as("", 204, "", "The last event that is named was the reply.")
        .fails(ASKS),
    ]
}
