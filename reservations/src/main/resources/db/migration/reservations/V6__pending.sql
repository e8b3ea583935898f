-- Requests that were taken on and stand still are looked for by when that was. The ranges of a BRIN
-- index cost a write next to nothing, and unlike a B-tree's entries they let PostgreSQL keep the new
-- version of a row beside the old one (HOT) when its state changes.
CREATE INDEX reservation_changed ON reservation USING brin (changed_at)
  WITH (pages_per_range = 16, autosummarize = on);
