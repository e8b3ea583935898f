-- An order has the id of its reservation with fixed bits flipped (contracts, OrderIds). So there is
-- no column for it: the reservation's id is the key, and both are looked up through one index.
--
-- A row without placed_at is a mark: the hold was given back before the order could be placed. It
-- keeps a late StockHeld from placing an order that nobody could ever pay.
--
-- An order is written once and changed once or twice. The space left in each page lets PostgreSQL
-- keep the new version beside the old one and leave the indexes alone (HOT).
CREATE TABLE orders (
  reservation_id uuid PRIMARY KEY,
  customer_id    uuid NOT NULL,
  state          text NOT NULL
                   CHECK (state IN ('PENDING_PAYMENT', 'PAID', 'CANCELLED', 'REFUNDED')),
  lines          jsonb NOT NULL,
  total_minor    bigint NOT NULL CHECK (total_minor >= 0),
  currency       text NOT NULL,
  fingerprint    text NOT NULL,
  placed_at      timestamptz,
  expires_at     timestamptz,
  paid_at        timestamptz,
  ended_at       timestamptz,
  payment_id     uuid,
  cancelled_as   text CHECK (cancelled_as IN ('RELEASED', 'EXPIRED')),
  changed_at     timestamptz NOT NULL,
  CHECK (placed_at IS NOT NULL OR state = 'CANCELLED'),
  CHECK ((state IN ('PAID', 'REFUNDED')) = (paid_at IS NOT NULL AND payment_id IS NOT NULL)),
  CHECK ((state IN ('CANCELLED', 'REFUNDED')) = (ended_at IS NOT NULL)),
  CHECK ((state = 'CANCELLED') = (cancelled_as IS NOT NULL))
) WITH (fillfactor = 85);

-- The customer's own list, newest first. Rows placed in the same microsecond are sorted when read.
CREATE INDEX orders_of_customer ON orders (customer_id, placed_at);

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
