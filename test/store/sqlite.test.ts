import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrationsFolder } from '../../gateway/package-root.ts'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { SqlConflict, type SqlStatement, type SqlValue } from '../../gateway/store/sql.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { openSqlite } from '../../gateway/store/sqlite.ts'
import { encodeTagKey } from '../../gateway/tags/entry.ts'
import { add, digestOf, line, publish, readAll, repository, someBytes, wholeOf } from './fixtures.ts'
import { expectWholeList } from './tag-list-suite.ts'

let scratch = ''
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'mooring-sqlite-'))
})
afterEach(() => rm(scratch, { recursive: true }))

async function migrations(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'migrations-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

describe('Sql over better-sqlite3', () => {
  const table = {
    '0001_t.sql': 'CREATE TABLE t (k INTEGER PRIMARY KEY, u TEXT UNIQUE, b BLOB, n TEXT NOT NULL) STRICT;',
  }
  const insert = 'INSERT INTO t (k, u, b, n) VALUES (?, ?, ?, ?)'

  it('all, first and run: rows, undefined, how many changed; values come back as they went in', async () => {
    const sql = openSqlite(':memory:', await migrations(table))
    const bytes = new Uint8Array([0, 255, 7])
    expect(await sql.run(insert, [2 ** 53 - 1, 'ü\0x', bytes, ''])).toBe(1)
    const row = await sql.first<{ k: number; u: string; b: Uint8Array }>('SELECT * FROM t WHERE u = ?2 AND ?1 = 1', [
      1,
      'ü\0x',
    ])
    expect(row).toMatchObject({ k: 2 ** 53 - 1, u: 'ü\0x', n: '' })
    expect([...row!.b]).toEqual([0, 255, 7])
    expect(await sql.first('SELECT * FROM t WHERE k = ?', [4])).toBeUndefined()
    expect(await sql.all('SELECT k FROM t')).toEqual([{ k: 2 ** 53 - 1 }])
    expect(await sql.run('DELETE FROM t')).toBe(1)
    sql.close()
  })

  it('batch: all or none, rows of each statement; SqlConflict for a broken key, other errors as they are', async () => {
    const sql = openSqlite(':memory:', await migrations(table))
    const one = { text: `${insert} RETURNING k`, values: [1, 'a', null, ''] }
    const two = { text: insert, values: [2, 'b', null, ''] }
    expect(await sql.batch([one, two, { text: 'SELECT count(*) AS n FROM t', values: [] }])).toEqual([
      [{ k: 1 }],
      [],
      [{ n: 2 }],
    ])
    const three = { text: insert, values: [3, 'c', null, ''] }
    await expect(sql.batch([three, { text: insert, values: [4, 'a', null, ''] }])).rejects.toThrow(SqlConflict)
    await expect(sql.batch([three, { text: insert, values: [1, 'd', null, ''] }])).rejects.toThrow(SqlConflict)
    const missing = sql.batch([three, { text: insert, values: [5, 'e', null, null] }])
    await expect(missing).rejects.toThrow('NOT NULL')
    await expect(missing).rejects.not.toThrow(SqlConflict)
    expect(await sql.all('SELECT k FROM t ORDER BY k')).toEqual([{ k: 1 }, { k: 2 }])
    sql.close()
  })

  it('opens with WAL, synchronous=FULL and foreign keys: a commit is durable when it returns', async () => {
    const sql = openSqlite(join(scratch, 'db.sqlite'), await migrations(table))
    expect(await sql.first('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' })
    expect(await sql.first('PRAGMA synchronous')).toEqual({ synchronous: 2 })
    expect(await sql.first('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 })
    sql.close()
  })
})

describe('migrations', () => {
  const first = { '0001_a.sql': 'CREATE TABLE a (x); CREATE TABLE log (y); INSERT INTO log VALUES (1);' }
  const trigger =
    'CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log VALUES (2); INSERT INTO log VALUES (3); END;'

  it('are applied once each, by name, and recorded as wrangler does', async () => {
    const path = join(scratch, 'db.sqlite')
    openSqlite(path, await migrations(first)).close()
    const sql = openSqlite(path, await migrations({ ...first, '0002_b.sql': trigger, 'readme.txt': 'not SQL' }))
    await sql.run('INSERT INTO a VALUES (1)')
    expect(await sql.all('SELECT y FROM log')).toEqual([{ y: 1 }, { y: 2 }, { y: 3 }])
    expect(await sql.all('SELECT id, name FROM d1_migrations')).toEqual([
      { id: 1, name: '0001_a.sql' },
      { id: 2, name: '0002_b.sql' },
    ])
    sql.close()
  })

  it('one that fails leaves nothing of itself; a database from a newer version is refused', async () => {
    const path = join(scratch, 'db.sqlite')
    const broken = await migrations({ ...first, '0002_b.sql': 'CREATE TABLE half (x); SELECT nonsense;' })
    expect(() => openSqlite(path, broken)).toThrow('nonsense')
    const sql = openSqlite(path, await migrations(first))
    expect(await sql.all("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual([])
    sql.close()
    openSqlite(path, await migrations({ ...first, '0002_b.sql': trigger })).close()
    const older = await migrations(first)
    expect(() => openSqlite(path, older)).toThrow('newer version')
  })
})

describe('tag lists in SQLite', () => {
  it('every read finds its rows by an index: no table is walked', async () => {
    const sql = openSqlite(':memory:', migrationsFolder())
    const seen = new Map<string, readonly SqlValue[]>()
    const note = (statements: readonly SqlStatement[]) => {
      for (const { text, values } of statements) seen.set(text, values)
    }
    const lists = createSqlTagLists({
      ...sql,
      first(text, values = []) {
        note([{ text, values }])
        return sql.first(text, values)
      },
      all(text, values = []) {
        note([{ text, values }])
        return sql.all(text, values)
      },
      batch(statements) {
        note(statements)
        return sql.batch(statements)
      },
    })
    await publish(lists, [add('a'), add('b')])
    await publish(lists, [add('c')])
    const head = (await lists.findHead(line))!
    await lists.findSlot(line, encodeTagKey('a'))
    await lists.prove(line, [encodeTagKey('a'), encodeTagKey('z')])
    await lists.listTags(line, '', 10)
    await lists.tagsOfDigest(line, digestOf('a'))
    await lists.history(line, head.hash, 10)
    await lists.readChanges(line, head.hash, 0, 10)
    await lists.readSlots(line, head.hash, 0, 10)
    const plans = []
    for (const [text, values] of seen) {
      const rows = await sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, values)
      plans.push(...rows.map(({ detail }) => detail))
    }
    expect(seen.size).toBeGreaterThan(12)
    expect(plans.filter((detail) => /SCAN (?!k |step |found|json_each|CONSTANT)/.test(detail))).toEqual([])
    expect(plans).toContain('SEARCH s USING INDEX slot_by_digest (tree_id=? AND digest=?)')
    sql.close()
  })
})

describe('a replace that fails', () => {
  const rowsLeft = 'SELECT count(*) AS n FROM slot WHERE tree_id NOT IN (SELECT tree_id FROM list_line)'

  it.each(['before the swap', 'after the swap, its answer lost'])(
    '%s: one whole list is the head, no row is left',
    async (when) => {
      const sql = openSqlite(':memory:', migrationsFolder())
      let isFailing = false
      const lists = createSqlTagLists({
        ...sql,
        async batch(statements) {
          const isSwap = statements.some(({ text }) => text.includes('INSERT INTO list_version'))
          if (isFailing && isSwap && when === 'before the swap') throw new Error('the disk broke')
          const rows = await sql.batch(statements)
          if (isFailing && isSwap) throw new Error('the disk broke')
          return rows
        },
      })
      await publish(lists, [add('old')])
      const { signed, whole } = await wholeOf(lists, ['new', 'newer'])
      isFailing = true
      await expect(lists.replace(line, signed, whole)).rejects.toThrow('the disk broke')
      isFailing = false
      const expected = when === 'before the swap' ? ['old'] : ['new', 'newer']
      expect((await lists.listTags(line, '', 9))!.tags).toEqual(expected)
      await expectWholeList(lists)
      expect(await sql.first(rowsLeft)).toEqual({ n: 0 })
      expect(await sql.all('SELECT state FROM tree')).toEqual([{ state: 'live' }])
      sql.close()
    },
  )
})

describe('the shipped migrations', () => {
  it('content from before the collector counts as used when it comes: nothing old is taken for garbage', async () => {
    const shipped = migrationsFolder()
    const texts = await Promise.all(
      ['0001_stores.sql', '0002_collector.sql'].map((name) => readFile(join(shipped, name), 'utf8')),
    )
    const path = join(scratch, 'old.sqlite')
    const old = openSqlite(path, await migrations({ '0001_stores.sql': texts[0]! }))
    await old.run("INSERT INTO repository (ens_name, owner) VALUES ('acme.eth', '0x')")
    await old.run("INSERT INTO repository_blob VALUES (1, 'sha256:a', 1)")
    await old.run("INSERT INTO manifest VALUES (1, 'sha256:b', 1, 'type', NULL, NULL, NULL)")
    old.close()
    const sql = openSqlite(path, await migrations({ '0001_stores.sql': texts[0]!, '0002_collector.sql': texts[1]! }))
    const rows = await sql.all<{ used_at: number }>(
      'SELECT used_at FROM repository_blob UNION ALL SELECT used_at FROM manifest',
    )
    expect(rows.map(({ used_at }) => Math.abs(used_at - Date.now() / 1000) < 1_000)).toEqual([true, true])
    sql.close()
  })
})

describe('stores in a data folder', () => {
  it('the folder is created for its owner alone, and everything is there after reopening', async () => {
    const folder = join(scratch, 'deep', 'data')
    const stores = await openNodeStores(folder)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    const bytes = someBytes(100)
    await stores.content.put(digestOf(bytes), bytes)
    await stores.catalog.linkBlob(repository, digestOf(bytes), 100, { now: 0, removals: 0 })
    const signed = await publish(stores.lists, [add('latest')])
    await stores.close()
    const again = await openNodeStores(folder)
    expect(digestOf((await readAll(again.content, digestOf(bytes)))!)).toBe(digestOf(bytes))
    expect(await again.catalog.findBlob(repository, digestOf(bytes))).toEqual({ size: 100, usedAt: 0 })
    expect(await again.lists.findHead(line)).toEqual(signed)
    await again.close()
  })

  it('a folder in use is refused by name, and free again after close', async () => {
    const stores = await openNodeStores(scratch)
    await expect(openNodeStores(scratch)).rejects.toThrow(`the data folder ${scratch} is in use by another gateway`)
    await stores.close()
    await (await openNodeStores(scratch)).close()
  })

  it('a folder that cannot be opened gives its lock back', async () => {
    await mkdir(join(scratch, 'gateway.sqlite'))
    await expect(openNodeStores(scratch)).rejects.toThrow()
    await rm(join(scratch, 'gateway.sqlite'), { recursive: true })
    await (await openNodeStores(scratch)).close()
  })
})
