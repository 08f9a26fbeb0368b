-- Where content is on Swarm, and what is on its way there. Rows stay when the bytes leave this gateway: they are how it is found again.
CREATE TABLE swarm_content (
  digest           TEXT PRIMARY KEY,
  size             INTEGER NOT NULL,             -- bytes
  swarm_reference  TEXT,                         -- 0x hex, 32 bytes
  is_proven        INTEGER NOT NULL DEFAULT 0,   -- 1: computed here from the bytes of the digest; 0: as a list or content index says
  state            TEXT NOT NULL DEFAULT 'local' CHECK (state IN ('local', 'queued', 'uploaded', 'verified')),
  postage_batch_id TEXT,                         -- 0x hex, the batch that stamped it
  failures         INTEGER NOT NULL DEFAULT 0,   -- tries since the last success
  next_try_at      INTEGER NOT NULL DEFAULT 0,   -- unix seconds
  last_error       TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX swarm_content_due ON swarm_content (state, next_try_at, digest);
