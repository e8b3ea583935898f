-- What the naive peer of the benchmark keeps: one row of stock per offer, and what was sold of it.
CREATE TABLE stock (
  offer_id         uuid PRIMARY KEY,
  unit_price_minor bigint NOT NULL,
  available        integer NOT NULL CHECK (available >= 0),
  held             integer NOT NULL CHECK (held >= 0)
);

CREATE TABLE reservation (
  reservation_id uuid PRIMARY KEY,
  customer_id    uuid NOT NULL,
  offer_id       uuid NOT NULL,
  quantity       integer NOT NULL,
  state          text NOT NULL,
  expires_at     timestamptz NOT NULL
);

CREATE TABLE orders (
  order_id       uuid PRIMARY KEY,
  reservation_id uuid NOT NULL UNIQUE,
  customer_id    uuid NOT NULL,
  total_minor    bigint NOT NULL,
  state          text NOT NULL,
  placed_at      timestamptz NOT NULL
);
CREATE INDEX orders_of_customer ON orders (customer_id, placed_at);
