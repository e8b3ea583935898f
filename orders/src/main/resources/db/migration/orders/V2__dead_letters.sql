-- Messages that could not be driven to their end are parked here, for operators to decide upon.
CREATE TABLE dead_letter (
  id         uuid PRIMARY KEY,
  role       text NOT NULL,
  key        uuid NOT NULL,
  type       text NOT NULL,
  envelope   text NOT NULL,
  category   text NOT NULL
             CHECK (category IN ('BAD_INPUT', 'REFUSED_BY_RULE', 'DEPENDENCY_DOWN', 'BUG')),
  reason     text NOT NULL,
  stack      text NOT NULL,
  attempts   integer NOT NULL,
  first_at   timestamptz NOT NULL,
  last_at    timestamptz NOT NULL,
  state      text NOT NULL CHECK (state IN ('PARKED', 'REPLAYED', 'DISCARDED')),
  replays    integer NOT NULL DEFAULT 0,
  decided_by uuid,
  decided_at timestamptz
);
CREATE INDEX dead_letter_first ON dead_letter (first_at, id);
CREATE INDEX dead_letter_state ON dead_letter (state, category);

CREATE TABLE dead_letter_decision (
  seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  letter_id uuid NOT NULL REFERENCES dead_letter,
  decision  text NOT NULL CHECK (decision IN ('REPLAY', 'DISCARD')),
  forced    boolean NOT NULL,
  by        uuid,
  at        timestamptz NOT NULL
);
CREATE INDEX dead_letter_decision_letter ON dead_letter_decision (letter_id, seq);

ALTER TABLE outbox ADD COLUMN first_taken_at timestamptz;
