//! The worker's own share of the time: frames to bytes and back, a finding to an incident.
//!
//! `cargo bench --bench micro` prints time and allocations. What the network adds is measured by `sandbox bench`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot read its own input is of no use"
)]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use fn_aws_guardduty::domain::mapping::{MappingContext, creation_note, incident_for};
use fn_aws_guardduty::domain::{Finding, Row};
use fn_aws_guardduty::stomp::frame::{Command, Decoder, Frame, Limits};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const FINDING: &str = include_str!("../tests/fixtures/findings/seed_s3_bucket.json");
/// Wider than any frame here.
const LIMITS: Limits = Limits {
    frame: 1 << 20,
    line: 1 << 16,
    headers: 100,
};

/// An invocation as the platform sends it.
fn invocation() -> Frame {
    let message = json!({
        "function": {"name": "func_aws_guardduty_refresh_finding"},
        "inputs": {
            "aws_gd_region": "us-west-2",
            "aws_gd_detector_id": "f2baedb0ac74f8f42fc929e15f56da6a",
            "aws_gd_finding_id": "60baffd3f9042e38640f2300d5c5a631",
            "incident_id": 2101,
        },
        "workflow_instance": {"workflow_instance_id": 17},
        "principal": {"id": 1, "name": "sandbox", "type": "apikey"},
    });
    let headers = [
        ("message-id", "ID:broker-39541-1-2:3:4:1:1"),
        ("ack", "ID:broker-39541-5:7"),
        ("subscription", "actions.201.fn_aws_gd"),
        ("destination", "/queue/actions.201.fn_aws_gd"),
        ("reply-to", "/queue/acks.201.fn_aws_gd"),
        ("correlation-id", "invid:17"),
        ("Co3ContentType", "application/json"),
    ];
    let frame = Frame::new(Command::Message).with_body(message.to_string());
    headers
        .iter()
        .fold(frame, |frame, (name, value)| frame.with(name, *value))
}

fn encode(frame: &Frame) -> BytesMut {
    let mut wire = BytesMut::new();
    frame.encode(&mut wire).expect("the frame can be written");
    wire
}

fn decode(wire: &[u8]) -> Frame {
    let mut buffer = BytesMut::from(wire);
    let frame = Decoder::new(LIMITS).decode(&mut buffer);
    frame.expect("the frame is read").expect("it is whole")
}

/// What is sent to SOAR for a finding as AWS told it.
fn escalate(document: Value) -> Vec<Value> {
    let finding = Finding::from_wire(document).expect("it is a finding");
    let context = MappingContext {
        region: "us-west-2",
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: &TimeZone::UTC,
        has_critical: false,
    };
    let incident = incident_for(&finding, &context);
    let rows = incident.tables.iter().flat_map(|table| &table.rows);
    let mut sent: Vec<Value> = rows.map(Row::to_dto).collect();
    sent.push(incident.to_dto(&creation_note(&finding)));
    sent
}

/// Times `work` and tells what it allocates.
fn measure<T>(criterion: &mut Criterion, name: &str, mut work: impl FnMut() -> T) {
    let allocated = allocation_counter::measure(|| {
        black_box(work());
    });
    println!(
        "{name}: {} allocations, {} bytes",
        allocated.count_total, allocated.bytes_total
    );
    criterion.bench_function(name, |bencher| bencher.iter(|| black_box(work())));
}

fn frames(criterion: &mut Criterion) {
    let frame = invocation();
    let wire = encode(&frame);
    measure(criterion, "a frame to bytes", || encode(&frame));
    measure(criterion, "bytes to a frame", || decode(&wire));
}

fn findings(criterion: &mut Criterion) {
    let parse = || serde_json::from_str::<Value>(FINDING).expect("it is JSON");
    measure(criterion, "JSON to a finding's document", parse);
    let document = parse();
    measure(criterion, "a finding to an incident with its rows", || {
        escalate(document.clone())
    });
}

criterion_group!(benches, frames, findings);
criterion_main!(benches);
