-- One row that every change increments first. It does two things: it orders all changes of the
-- catalogue (operators' decisions are rare, so one lock for all of them is the simplest guard there
-- is), and it tells other processes with one cheap read whether what they have in memory is still
-- true.
CREATE TABLE catalog_revision (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO catalog_revision (revision) VALUES (0);

CREATE TABLE product (
  product_id  uuid PRIMARY KEY,
  name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
  description text NOT NULL CHECK (char_length(description) <= 5000),
  image_url   text CHECK (char_length(image_url) <= 2000)
);

-- A sale that was closed before it would have opened keeps its planned opens_at.
CREATE TABLE sale (
  sale_id      uuid PRIMARY KEY,
  name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
  state        text NOT NULL CHECK (state IN ('DRAFT', 'SCHEDULED', 'OPEN', 'PAUSED', 'CLOSED')),
  opens_at     timestamptz NOT NULL,
  closes_at    timestamptz NOT NULL,
  hold_seconds integer NOT NULL CHECK (hold_seconds BETWEEN 10 AND 86400),
  version      bigint NOT NULL CHECK (version > 0),
  CHECK (opens_at < closes_at OR state = 'CLOSED')
);
CREATE INDEX sale_by_opening ON sale (opens_at DESC, sale_id DESC);
CREATE INDEX sale_by_closing ON sale (closes_at);

-- allocated: what operators decided, until the ledger has answered; then what the ledger made of it.
-- version: of the row. sent_version: of the last OfferAllocated. known_version: of the last one that
-- the ledger has answered; behind sent_version as long as a decision has not arrived there.
CREATE TABLE offer (
  offer_id           uuid PRIMARY KEY,
  sale_id            uuid NOT NULL REFERENCES sale,
  product_id         uuid NOT NULL REFERENCES product,
  unit_price_minor   bigint NOT NULL CHECK (unit_price_minor BETWEEN 0 AND 1000000000000),
  currency           text NOT NULL CHECK (char_length(currency) = 3),
  limit_per_customer integer NOT NULL CHECK (limit_per_customer BETWEEN 0 AND 1000),
  allocated          integer NOT NULL CHECK (allocated >= 0),
  version            bigint NOT NULL CHECK (version > 0),
  sent_version       bigint NOT NULL CHECK (sent_version BETWEEN 1 AND version),
  known_version      bigint NOT NULL CHECK (known_version BETWEEN 0 AND sent_version)
);
CREATE INDEX offer_of_sale ON offer (sale_id);

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
