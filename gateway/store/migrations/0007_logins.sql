-- Logins of a gateway with tokens.

-- What refresh tokens stand for. The tokens themselves are not here.
CREATE TABLE login_session (
  token_hash   TEXT PRIMARY KEY,                 -- SHA-256 of the refresh token, hex
  subject      TEXT NOT NULL,                    -- 0x hex, 20 bytes, or a user of the password file
  message_hash TEXT,                             -- 0x hex: ERC-191 hash of the login message; NULL for a user
  proof        TEXT NOT NULL,                    -- signature of that message, 0x hex; of a user what their line was
  limited_to   TEXT,                             -- scopes; NULL: all that the subject may do
  client_id    TEXT NOT NULL,
  created_at   INTEGER NOT NULL,                 -- unix seconds, as all times here
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_session_by_end ON login_session (expires_at);

-- Nonces of login messages that were used. One that is not here was not, or has ended.
CREATE TABLE used_nonce (
  nonce      TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_nonce_by_end ON used_nonce (expires_at);
