-- How many units of offer_id were left when the ledger refused: a repeat is told the same number.
-- Rows from before do not know it.
ALTER TABLE reservation ADD COLUMN available integer CHECK (available >= 0);
