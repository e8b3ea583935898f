CREATE TABLE note (
  id   integer PRIMARY KEY,
  text text NOT NULL
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
CREATE INDEX outbox_key ON outbox (key, seq);
