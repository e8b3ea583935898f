-- The stock ledger. Every transaction locks stock rows in key order, then sale windows, and only
-- then reads holds and allotments: whoever has an offer's stock row has the holds and allotments
-- of that offer to itself.

-- One row per offer, rewritten by every batch that changes it. No written column is indexed, and
-- the pages keep room, so that each new version stays on its page (HOT) and is pruned there.
CREATE TABLE stock (
  offer_id           uuid PRIMARY KEY,
  sale_id            uuid NOT NULL,
  allocated          integer NOT NULL,
  available          integer NOT NULL CHECK (available >= 0),
  held               integer NOT NULL CHECK (held >= 0),
  sold               integer NOT NULL CHECK (sold >= 0),
  limit_per_customer integer NOT NULL CHECK (limit_per_customer >= 0),
  version            bigint NOT NULL,
  revision           bigint NOT NULL,
  CONSTRAINT stock_conserved CHECK (allocated = available + held + sold)
) WITH (fillfactor = 40);
CREATE INDEX stock_sale ON stock (sale_id);

-- The ledger's own copy of what operators decided, by the catalogue's version.
CREATE TABLE sale_window (
  sale_id      uuid PRIMARY KEY,
  state        text NOT NULL CHECK (state IN ('SCHEDULED', 'OPEN', 'PAUSED', 'CLOSED')),
  opens_at     timestamptz NOT NULL,
  closes_at    timestamptz NOT NULL,
  hold_seconds integer NOT NULL CHECK (hold_seconds > 0),
  version      bigint NOT NULL
);

-- One row per reservation, refused ones and tombstones included, so that a repeat finds its first
-- outcome. Lines are arrays: they never change, and one row per reservation is what keeps a batch
-- small. Both partial indexes see open holds only; their keys grow with time, so inserts meet at
-- the right edge.
CREATE TABLE hold (
  reservation_id    uuid PRIMARY KEY,
  customer_id       uuid,
  held_at           timestamptz NOT NULL,
  expires_at        timestamptz NOT NULL,
  changed_at        timestamptz NOT NULL,
  state             text NOT NULL
                    CHECK (state IN ('HELD', 'SOLD', 'RELEASED', 'EXPIRED', 'REFUSED', 'RETURNED')),
  offer_ids         uuid[] NOT NULL,
  quantities        integer[] NOT NULL,
  unit_prices       bigint[] NOT NULL,
  currency          text NOT NULL,
  fingerprint       text NOT NULL,
  reason            text,
  refused_offer     uuid,
  refused_available integer,
  order_id          uuid,
  payment_id        uuid,
  sold_at           timestamptz,
  CONSTRAINT hold_refusal CHECK ((state = 'REFUSED') = (reason IS NOT NULL)),
  CONSTRAINT hold_sale CHECK ((state IN ('SOLD', 'RETURNED')) = (payment_id IS NOT NULL))
);
CREATE INDEX hold_overdue ON hold (expires_at) WHERE state = 'HELD';
CREATE INDEX hold_open ON hold (held_at, reservation_id) WHERE state = 'HELD';

-- Units of an offer that a customer holds or has bought, also where there is no limit (yet).
CREATE TABLE allotment (
  offer_id    uuid NOT NULL,
  customer_id uuid NOT NULL,
  units       integer NOT NULL CHECK (units >= 0),
  PRIMARY KEY (offer_id, customer_id)
) WITH (fillfactor = 80);

CREATE TABLE outbox (
  id       uuid PRIMARY KEY,
  seq      bigint GENERATED ALWAYS AS IDENTITY,
  key      uuid NOT NULL,
  envelope text NOT NULL,
  due_at   timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (due_at, seq);
CREATE INDEX outbox_key ON outbox (key, seq);
