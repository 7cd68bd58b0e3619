//! The file that somebody begins with who has nothing yet.

use crate::model::yaml;

/// A model file with nothing in it but what each part is for. Without its comments' marks it is a model that reads
/// as well.
pub fn empty(context: &str) -> String {
    TEMPLATE.replacen("CONTEXT", &yaml::text(context, false), 1)
}

const TEMPLATE: &str = "\
# yaml-language-server: $schema=https://raw.githubusercontent.com/annals-rs/annals/main/crates/annals-model/model.schema.json
# The model of one bounded context. `annals check` reviews it, `annals explain` says why.
annals: 1
context: CONTEXT   # stands in front of event types in the store
#owner: team-orders   # who answers for it

# What no event may lack, beyond its id, type, position and time.
envelope:
#  require: [correlation_id, causation_id, actor]

# Classes of personal data, by what happens when a person asks to be erased: shred (the key of that person is
# thrown away), outside (the value stands in another store), keep (with a reason). Fields name their class.
privacy:
#  personal: { erase: shred, key: customer_id, within: 30d }
#  pseudonym: { erase: keep, because: meaningless once the key of that person is gone }

# Types of several fields.
types:
#  Money: { amount_minor: int, currency: text }

# A stream is the events of one thing, in order, and the boundary within which a decision is consistent.
streams:
#  order:
#    key: order-{order_id}
#    why: what is paid is what was ordered   # the rule that must hold in one, which draws the boundary
#    concurrency: expected-version           # or any, with because:
#    length: { usual: 12, most: 200 }        # events in one; most: unbounded where nothing closes it
#    closes: [OrderShipped]                  # the events after which there are no more
#    retain: { for: 10y, then: archive, because: tax law }

# What can have happened, in the past tense. Types are uuid, text, int, decimal, float, bool, time, date, bytes,
# json or one of those above; text? may be missing, [text] is a list, { one-of: [a, b] } is one of these.
events:
#  OrderPlaced:
#    stream: order
#    version: 2                              # 1 unless said otherwise
#    tags: [customer_id]                     # by which decisions across streams find it
#    fields:
#      order_id: uuid
#      customer_id: { is: uuid, privacy: pseudonym }
#      deliver_to: { is: text, privacy: personal }
#      lines: [{ sku: text, quantity: int, price: Money }]
#      channel: text
#    upcast:
#      1: { add: { channel: web } }          # how version 1 is read as 2: add, rename, remove, with: a function
#  OrderShipped: { stream: order, public: true, fields: { order_id: uuid, tracking: text? } }

# What can be asked for, and what it is decided on.
commands:
#  PlaceOrder:
#    stream: order
#    expects: new-stream
#    boundary: { events: [OrderPlaced], tags: [customer_id] }   # a rule across streams
#    rules: { at-most-3-open: a customer has at most three open orders }
#    once-per: command_id                    # what makes a second one the same
#    emits: [OrderPlaced]
#    rejects: [CartEmpty, TooManyOpenOrders]
#  ShipOrder: { stream: order, expects: existing-stream, once-per: command_id, emits: [OrderShipped] }

# Read models: what is made of events to be asked.
projections:
#  order_summary:
#    from: [OrderPlaced, OrderShipped]
#    key: order_id
#    fields: { order_id: uuid, status: text }
#    duplicates: skip-by-position            # what happens when an event comes twice; or idempotent
#    rebuild: side-by-side                   # or in-place
#    lag: 2s                                 # how far it may be behind

# Processes react to events with commands.
processes:
#  fulfilment:
#    by: order_id
#    starts: OrderPlaced
#    reacts: { OrderPlaced: ShipOrder }
#    after: { wait: 24h, do: ShipOrder }
#    ends: [OrderShipped]
#    duplicates: once-per-event
#    failure: park                           # or retry

# Given these events, when this command, then these events or this rejection.
examples:
#  - given: []
#    when: { PlaceOrder: { order_id: o-1, lines: [] } }
#    then: { rejects: CartEmpty }
";
