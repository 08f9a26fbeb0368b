-- What was put on Swarm last of each name's lists, and which update of a feed points to it. What is still to be done follows from this
-- and from the current lists.
CREATE TABLE swarm_announcement (
  ens_name          TEXT NOT NULL,
  feed_owner        TEXT NOT NULL,               -- 0x hex, 20 bytes; '' where this gateway has no key for a feed
  feed_end          INTEGER,                     -- position of an update found on Swarm after it was written
  epoch             INTEGER NOT NULL,
  version           INTEGER NOT NULL,
  list_hash         TEXT NOT NULL,               -- 0x hex, 32 bytes, as all below
  signatures_hash   TEXT NOT NULL,
  list_reference    TEXT NOT NULL,
  index_reference   TEXT NOT NULL,
  payload_reference TEXT NOT NULL,
  index_root        TEXT NOT NULL,               -- 0x hex: the content index's root
  index_rows        INTEGER NOT NULL,            -- how many contents that index has
  postage_batch_id  TEXT,
  position          INTEGER,                     -- at which the update that points to it was written; NULL: none yet
  is_verified       INTEGER NOT NULL,            -- 1: all of it was read back
  PRIMARY KEY (ens_name, feed_owner)
) STRICT, WITHOUT ROWID;
