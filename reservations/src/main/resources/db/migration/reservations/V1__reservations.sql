CREATE TABLE cart (
  cart_id     uuid PRIMARY KEY,
  customer_id uuid NOT NULL,
  changed_at  timestamptz NOT NULL
);
CREATE INDEX cart_of_customer ON cart (customer_id, changed_at);

CREATE TABLE cart_item (
  cart_id  uuid NOT NULL REFERENCES cart ON DELETE CASCADE,
  offer_id uuid NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (cart_id, offer_id)
);

-- One row per reservation. The lines are read as a whole and never searched, so they are one value.
CREATE TABLE reservation (
  reservation_id uuid PRIMARY KEY,
  customer_id    uuid NOT NULL,
  state          text NOT NULL
                 CHECK (state IN ('PENDING', 'HELD', 'REFUSED', 'CONFIRMED', 'RELEASED', 'EXPIRED')),
  order_id       uuid,
  lines          json NOT NULL,
  total_minor    bigint NOT NULL CHECK (total_minor >= 0),
  currency       text NOT NULL,
  fingerprint    text NOT NULL,
  reason         text,
  offer_id       uuid,
  expires_at     timestamptz,
  changed_at     timestamptz NOT NULL
);

CREATE TABLE outbox (
  id       uuid PRIMARY KEY,
  seq      bigint GENERATED ALWAYS AS IDENTITY,
  key      uuid NOT NULL,
  envelope text NOT NULL,
  due_at   timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due ON outbox (due_at, seq);
