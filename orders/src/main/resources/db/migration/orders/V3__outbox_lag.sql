-- How long messages wait is told by the oldest one, also by one that was tried and is put back.
CREATE INDEX outbox_tried ON outbox (first_taken_at) WHERE first_taken_at IS NOT NULL;
