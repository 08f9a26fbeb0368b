import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { naiveReference, patternBytes } from '../swarm/naive.ts'
import { command } from './command.ts'

const folder = mkdtempSync(join(tmpdir(), 'mooring-storage-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function fileOf(bytes: Uint8Array): string {
  const file = join(folder, `${bytes.byteLength}`)
  writeFileSync(file, bytes)
  return file
}

test('interfaces: storage reference prints size, sha256 and the Swarm reference of a file', async () => {
  for (const size of [0, 1, 4096, 70_001]) {
    const bytes = patternBytes(size)
    const { code, out, err } = await command(['storage', 'reference', fileOf(bytes), '--json'])
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect([code, err, JSON.parse(out)]).toEqual([0, '', { size, sha256, swarmReference: naiveReference(bytes) }])
    const text = await command(['storage', 'reference', fileOf(bytes)])
    expect(text.out).toContain(`sha256:${sha256}`)
  }
})

test('storage: what cannot be read or was not asked for is said in one line', async () => {
  expect(await command(['storage', 'reference', join(folder, 'none')])).toMatchObject({ code: 1 })
  expect((await command(['storage', 'reference', join(folder, 'none')])).err).toContain(join(folder, 'none'))
  expect(await command(['storage', 'buy'])).toMatchObject({ code: 2, err: expect.stringContaining('reference FILE') })
  expect(await command(['storage', 'reference'])).toMatchObject({ code: 2, err: expect.stringContaining('FILE') })
})
