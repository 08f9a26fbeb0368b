-- Upkeep where several processes share one database: a Worker has no start at which it is alone.

-- Unix seconds: a tree that is pending since long is nobody's any more.
ALTER TABLE tree ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;

-- Rounds of work that one process does for all. Whoever moves `begun_at` does the next one.
CREATE TABLE upkeep_round (
  what     TEXT PRIMARY KEY,
  begun_at INTEGER NOT NULL                      -- unix seconds
) STRICT, WITHOUT ROWID;
