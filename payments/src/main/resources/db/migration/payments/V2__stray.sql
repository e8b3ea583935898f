-- Charges that the gateway made although it had promised that there would be none: the payment is
-- DECLINED, and the money is given back, asked for until the gateway says that it is.
CREATE TABLE stray (
  payment_id        uuid PRIMARY KEY REFERENCES payment,
  gateway_reference text NOT NULL,
  noticed_at        timestamptz NOT NULL,
  refunded_at       timestamptz,
  attempts          integer NOT NULL DEFAULT 0,
  next_look_at      timestamptz,
  CHECK ((refunded_at IS NULL) = (next_look_at IS NOT NULL))
);
CREATE INDEX stray_open ON stray (next_look_at) WHERE next_look_at IS NOT NULL;
