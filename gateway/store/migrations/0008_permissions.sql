-- What owners let others push (protocol 2.4), every version: who could do what, and when, stays readable.
CREATE TABLE push_permissions (
  chain_id INTEGER NOT NULL,
  resolver TEXT NOT NULL,                        -- 0x hex, 20 bytes, as owner
  ens_name TEXT NOT NULL,                        -- a name that has an owner of its own
  owner    TEXT NOT NULL,
  version  INTEGER NOT NULL,                     -- rising, from 1; this gateway may have missed some
  hash     TEXT NOT NULL,                        -- 0x hex: what was signed
  body     TEXT NOT NULL,                        -- JSON {permissions, signature}, as it was sent
  PRIMARY KEY (chain_id, resolver, ens_name, owner, version)
) STRICT, WITHOUT ROWID;
