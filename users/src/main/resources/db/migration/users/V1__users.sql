-- Accounts. The address is kept as its owner wrote it and is unique without regard to case. It is
-- ASCII (see Email) and the collation is fixed, so that lower() means the same here, in Java and
-- under every locale.
CREATE TABLE users (
  user_id          uuid PRIMARY KEY,
  email            text COLLATE "C" NOT NULL CHECK (email ~ '^[\x21-\x7e]{3,254}$'),
  display_name     text CHECK (char_length(display_name) BETWEEN 1 AND 100),
  operator         boolean NOT NULL,
  password_hash    text NOT NULL,
  password_version int NOT NULL CHECK (password_version > 0),
  created_at       timestamptz NOT NULL
);

CREATE UNIQUE INDEX users_email ON users (lower(email));

-- One row for each sign-in. A session is live while ends_at lies ahead: ending it moves ends_at to
-- that moment and says why.
CREATE TABLE sessions (
  session_id uuid PRIMARY KEY,
  user_id    uuid NOT NULL REFERENCES users,
  opened_at  timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL,
  end_reason text CHECK (end_reason IN ('SIGNED_OUT', 'PASSWORD_CHANGED', 'REFRESH_REUSED'))
);

CREATE INDEX sessions_open ON sessions (user_id) WHERE end_reason IS NULL;
CREATE INDEX sessions_end ON sessions (ends_at);

-- The refresh tokens of a session, by their SHA-256; all but one of them are used up. The used ones
-- stay until they expire, so that presenting one again is recognised and ends the session.
CREATE TABLE refresh_tokens (
  token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
