import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { emptyBindings } from './stores.ts'

test('D1 takes the migrations that SQLite on Node is migrated with', async () => {
  await emptyBindings()
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all<{
    name: string
  }>()
  const names = results.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['repository', 'list_line', 'slot', 'node', 'content_removal', 'swarm_content']),
  )
})
