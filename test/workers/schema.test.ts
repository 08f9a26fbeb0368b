import { expect, test } from 'vitest'
import { openEmptyDatabase } from './database.ts'

test('D1 takes the migrations that SQLite on Node is migrated with', async () => {
  const database = await openEmptyDatabase()
  const { results } = await database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all<{ name: string }>()
  const names = results.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['repository', 'list_line', 'slot', 'node', 'content_removal', 'swarm_content']),
  )
})
