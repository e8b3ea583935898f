-- Whether somebody has given up a walk is asked by its key.
CREATE INDEX dead_letter_key ON dead_letter (key);
