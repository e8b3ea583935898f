-- Whether customers may know of a sale: true from the moment it leaves DRAFT for anything but CLOSED,
-- and then for ever.
ALTER TABLE sale ADD COLUMN published boolean NOT NULL DEFAULT false;

-- Of sales that are closed already it is not known whether they were drafts. One that was closed
-- before its opening sold nothing, so nobody misses it; the others stay as visible as they were.
UPDATE sale SET published = state IN ('SCHEDULED', 'OPEN', 'PAUSED')
                         OR (state = 'CLOSED' AND opens_at < closes_at);

ALTER TABLE sale ALTER COLUMN published DROP DEFAULT,
  ADD CONSTRAINT sale_published CHECK (state = 'CLOSED' OR published = (state <> 'DRAFT'));
