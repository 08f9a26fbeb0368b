-- What the garbage collector goes by: when content was last relied on, and which content it is taking away.

-- Rises whenever a manifest is put or relied on: with the heads of its lists, the revision of a repository.
ALTER TABLE repository ADD COLUMN manifest_uses INTEGER NOT NULL DEFAULT 0;
-- Unix seconds of the last push, mount or answer that said "it is here".
ALTER TABLE repository_blob ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
-- What was stored before the collector came is not taken for old.
UPDATE repository_blob SET used_at = unixepoch();
UPDATE manifest SET used_at = unixepoch();
CREATE INDEX manifest_by_digest ON manifest (digest);
CREATE INDEX list_line_by_name ON list_line (ens_name, owner);

-- Bytes that no repository shows and that are being taken away (`ended_at` is null), or were a short while ago. Ids only rise: whoever
-- stored bytes before a removal ended must store them again.
CREATE TABLE content_removal (
  removal_id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest     TEXT NOT NULL,
  ended_at   INTEGER                           -- unix seconds
) STRICT;
CREATE INDEX content_removal_by_digest ON content_removal (digest);
CREATE INDEX content_removal_under_way ON content_removal (removal_id) WHERE ended_at IS NULL;
