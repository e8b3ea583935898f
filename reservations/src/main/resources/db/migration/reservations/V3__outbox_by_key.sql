-- The outbox now has the first facts of requests that nobody waits for: the order of a key is looked up.
CREATE INDEX outbox_key ON outbox (key, seq);
