-- The sandbox gateway's own book. It stands for somebody else's system, so nothing of the shop
-- reads or writes it. One row for each key under which a charge was asked for or forbidden.
CREATE TABLE charge (
  key              uuid PRIMARY KEY,
  order_id         uuid,
  amount_minor     bigint CHECK (amount_minor >= 0),
  currency         text,
  outcome          text NOT NULL CHECK (outcome IN ('CAPTURED', 'DECLINED', 'CANCELLED')),
  reference        text,
  reason           text,
  answered_at      timestamptz NOT NULL,
  refund_reference text,
  refunded_at      timestamptz,
  CHECK ((outcome = 'CAPTURED') = (reference IS NOT NULL)),
  CHECK ((outcome = 'DECLINED') = (reason IS NOT NULL)),
  CHECK ((outcome = 'CANCELLED') = (order_id IS NULL)),
  CHECK (refunded_at IS NULL OR outcome = 'CAPTURED')
);
CREATE INDEX charge_of_order ON charge (order_id) WHERE outcome = 'CAPTURED';
