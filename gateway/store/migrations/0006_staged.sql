-- Changes of tags that were pushed and wait for the publisher's signature (protocol 5, relay gateway).

-- How often what is staged under a line of lists was written: whoever decided on another generation writes nothing. A row is there once
-- anything was staged, and stays. A line may have staged changes before it has a list.
CREATE TABLE staged_line (
  staged_line_id INTEGER PRIMARY KEY,
  ens_name       TEXT NOT NULL,
  owner          TEXT NOT NULL,
  chain_id       INTEGER NOT NULL,
  resolver       TEXT NOT NULL,
  epoch          INTEGER NOT NULL,
  generation     INTEGER NOT NULL,
  UNIQUE (ens_name, owner, chain_id, resolver, epoch)
) STRICT;

-- One change at most for each tag. The columns of the entry are NULL where the tag's slot is to go.
CREATE TABLE staged_change (
  staged_line_id  INTEGER NOT NULL REFERENCES staged_line,
  tag             TEXT NOT NULL,
  digest          TEXT,
  size            INTEGER,                       -- bytes
  media_type      TEXT,
  swarm_reference TEXT,                          -- 0x hex, 32 bytes
  flags           INTEGER,                       -- protocol 2.1
  staged_at       INTEGER NOT NULL,              -- unix seconds
  staged_by       TEXT NOT NULL,                 -- who pushed it: an address in 0x hex, a user's name, operator
  PRIMARY KEY (staged_line_id, tag)
) STRICT, WITHOUT ROWID;
