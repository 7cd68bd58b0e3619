//! The trace that a request is part of is recorded with its events.

use annals::{EventStore, Expected, NewEvent, Options, TraceContext};

fn current() -> Option<TraceContext> {
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    Some(TraceContext { traceparent, tracestate: Some("vendor=value".parse().unwrap()) })
}

#[tokio::test]
async fn an_event_carries_the_trace_it_was_recorded_in() {
    let options = Options { trace: Some(current), ..Options::default() };
    let store = EventStore::connect_with("memory:", options).await.unwrap();
    let mut own = NewEvent::json("noted", &1).unwrap();
    own.traceparent = Some("00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00".parse().unwrap());
    store.append("s", Expected::Any, [NewEvent::json("noted", &2).unwrap(), own]).await.unwrap();
    let events = store.read_stream("s").unwrap().collect().await.unwrap();
    assert_eq!(events[0].traceparent, current().map(|context| context.traceparent));
    assert_eq!(events[0].tracestate.as_ref().unwrap().as_str(), "vendor=value");
    assert!(events[1].traceparent.as_ref().unwrap().as_str().starts_with("00-aaaa"));
    assert!(events[1].tracestate.is_none());
}
