-- Everything the gateway keeps besides content bytes. One schema for SQLite on Node and for Cloudflare D1.
-- Hashes, addresses and digests of single rows are text as the interfaces have them (0x hex in lower case, sha256:<hex>).
-- What there are hundreds of thousands of (slots and nodes of tag lists) is kept as raw bytes. Times are unix seconds.

-- A repository of one owner of one ENS name. A row is there once anything was stored in it, and stays.
CREATE TABLE repository (
  repository_id INTEGER PRIMARY KEY,
  ens_name      TEXT NOT NULL,
  owner         TEXT NOT NULL,
  UNIQUE (ens_name, owner)
) STRICT;

-- Which repository shows which blob. The bytes are in the content store.
CREATE TABLE repository_blob (
  repository_id INTEGER NOT NULL REFERENCES repository,
  digest        TEXT NOT NULL,
  size          INTEGER NOT NULL,              -- bytes
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blob_by_digest ON repository_blob (digest);

-- Manifests of a repository. The bytes are in the content store.
CREATE TABLE manifest (
  repository_id    INTEGER NOT NULL REFERENCES repository,
  digest           TEXT NOT NULL,
  size             INTEGER NOT NULL,           -- bytes
  media_type       TEXT NOT NULL,
  subject          TEXT,                       -- digest it refers to
  artifact_type    TEXT,
  annotations_json TEXT,
  PRIMARY KEY (repository_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_by_subject ON manifest (repository_id, subject, digest) WHERE subject IS NOT NULL;

-- Blob uploads in progress. `size` is where the next byte goes, `part_count` the ordinal of the next part.
CREATE TABLE upload (
  upload_id  TEXT PRIMARY KEY,
  ens_name   TEXT NOT NULL,
  owner      TEXT NOT NULL,
  size       INTEGER NOT NULL,
  part_count INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_expiry ON upload (expires_at);

-- The parts of an upload in order; `part_id` is the content store's.
CREATE TABLE upload_part (
  upload_id TEXT NOT NULL REFERENCES upload ON DELETE CASCADE,
  ordinal   INTEGER NOT NULL,
  part_id   TEXT NOT NULL,
  size      INTEGER NOT NULL,
  sha256    TEXT NOT NULL,
  PRIMARY KEY (upload_id, ordinal)
) STRICT, WITHOUT ROWID;

-- Trees of tag lists. A line has one live tree, changed in place by each publish; a whole new list is written beside it.
-- Ids are never used twice: they also name what a version changed (list_change).
CREATE TABLE tree (
  tree_id INTEGER PRIMARY KEY AUTOINCREMENT,
  state   TEXT NOT NULL CHECK (state IN ('pending', 'live', 'retired'))   -- pending and retired ones are swept
) STRICT;
CREATE INDEX tree_to_sweep ON tree (state) WHERE state <> 'live';

-- One line of lists, version after version. `head_version` 0 and `head_hash` zero: nothing published yet.
CREATE TABLE list_line (
  line_id      INTEGER PRIMARY KEY,
  chain_id     INTEGER NOT NULL,
  resolver     TEXT NOT NULL,
  ens_name     TEXT NOT NULL,
  owner        TEXT NOT NULL,
  epoch        INTEGER NOT NULL,
  head_version INTEGER NOT NULL,
  head_hash    TEXT NOT NULL,
  tree_id      INTEGER NOT NULL UNIQUE REFERENCES tree,
  UNIQUE (chain_id, resolver, ens_name, owner, epoch)
) STRICT;

-- Every version of a line with its signed header (protocol 2.2); name, owner and epoch are the line's.
CREATE TABLE list_version (
  line_id         INTEGER NOT NULL REFERENCES list_line,
  version         INTEGER NOT NULL,
  hash            TEXT NOT NULL,               -- list hash
  node            TEXT NOT NULL,
  previous        TEXT NOT NULL,               -- list hash of the version before, zero for the first
  root            TEXT NOT NULL,
  count           INTEGER NOT NULL,            -- used slots, sentinel included
  delegations     TEXT NOT NULL,
  issued_at       INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  signatures_json TEXT NOT NULL,               -- [{signer, signature}]
  timestamp_json  TEXT,                        -- {issuedAt, expiresAt, signature}, integers as text
  tree_id         INTEGER NOT NULL,            -- with `version`, where its changes are
  PRIMARY KEY (line_id, version),
  UNIQUE (line_id, hash)
) STRICT, WITHOUT ROWID;

-- What a version changed, tag by tag, in the order applied; entries as protocol 2.1 `value`, NULL for none.
CREATE TABLE list_change (
  tree_id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  tag     TEXT NOT NULL,
  before  BLOB,
  after   BLOB,
  PRIMARY KEY (tree_id, version, ordinal)
) STRICT, WITHOUT ROWID;

-- Slots of a tree (protocol 2.1); position 0 is the sentinel with empty key and value. `digest` is the algorithm byte and the
-- digest inside `value`: 1 + 8 + 8 + 32 bytes stand before it.
CREATE TABLE slot (
  tree_id  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  key      BLOB NOT NULL,
  next_key BLOB NOT NULL,
  value    BLOB NOT NULL,
  digest   BLOB GENERATED ALWAYS AS
             (CASE substr(value, 50, 1) WHEN x'02' THEN substr(value, 50, 65) ELSE substr(value, 50, 33) END) VIRTUAL,
  PRIMARY KEY (tree_id, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX slot_by_key ON slot (tree_id, key);
CREATE INDEX slot_by_digest ON slot (tree_id, digest);

-- Hashes of a tree; level 0 are the leaves. A missing row is the empty hash of its level.
CREATE TABLE node (
  tree_id  INTEGER NOT NULL,
  level    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash     BLOB NOT NULL,
  PRIMARY KEY (tree_id, level, position)
) STRICT, WITHOUT ROWID;
