CREATE TABLE payment (
  payment_id          uuid PRIMARY KEY,
  order_id            uuid NOT NULL,
  reservation_id      uuid NOT NULL,
  customer_id         uuid NOT NULL,
  amount_minor        bigint NOT NULL CHECK (amount_minor >= 0),
  currency            text NOT NULL,
  method              text NOT NULL,
  state               text NOT NULL
                        CHECK (state IN ('PENDING', 'UNKNOWN', 'CAPTURED', 'DECLINED', 'REFUNDED')),
  gateway_reference   text,
  decline_reason      text,
  hold_lost           boolean NOT NULL DEFAULT false,
  fingerprint         text NOT NULL,
  requested_at        timestamptz NOT NULL,
  captured_at         timestamptz,
  refunded_at         timestamptz,
  changed_at          timestamptz NOT NULL,
  attempts            integer NOT NULL DEFAULT 0,
  next_look_at        timestamptz,
  refund_requested_by uuid,
  refund_requested_at timestamptz,
  CHECK ((state IN ('CAPTURED', 'REFUNDED'))
         = (captured_at IS NOT NULL AND gateway_reference IS NOT NULL)),
  CHECK ((state = 'DECLINED') = (decline_reason IS NOT NULL)),
  CHECK ((state = 'REFUNDED') = (refunded_at IS NOT NULL)),
  CHECK ((state IN ('PENDING', 'UNKNOWN')) = (next_look_at IS NOT NULL)),
  CHECK ((refund_requested_by IS NULL) = (refund_requested_at IS NULL))
);

-- Nobody is charged twice: an order has at most one payment that was, or may have been, charged.
-- One that was refunded stays in the way, because its order is over.
CREATE UNIQUE INDEX payment_one_per_order ON payment (order_id) WHERE state <> 'DECLINED';

-- For the audit, and to count an order's attempts.
CREATE INDEX payment_of_reservation ON payment (reservation_id);

-- What the resolver has to ask the gateway about.
CREATE INDEX payment_open ON payment (next_look_at) WHERE state IN ('PENDING', 'UNKNOWN');

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
