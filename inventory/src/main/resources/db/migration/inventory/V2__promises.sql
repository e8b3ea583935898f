-- The highest limit per customer that was ever in force; 0: at some time there was none. Who took
-- his units before a limit was lowered keeps them, and the audit must not blame him.
ALTER TABLE stock ADD COLUMN limit_ceiling integer NOT NULL DEFAULT 0 CHECK (limit_ceiling >= 0);
UPDATE stock SET limit_ceiling = limit_per_customer;
ALTER TABLE stock ALTER COLUMN limit_ceiling DROP DEFAULT;

-- When a hold was first to be overdue, for payments extend expires_at. Null as long as the two are
-- the same, which they are in most rows, and in all of those that are there already.
ALTER TABLE hold ADD COLUMN promised_until timestamptz;
