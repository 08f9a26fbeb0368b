import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createUploadMemory } from '../../gateway/cli/push/upload-memory.ts'

test('several pushes of one blob at once: each remembers its upload, the last one is known, and nothing half-written is left', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'mooring-uploads-'))
  onTestFinished(() => rm(stateDir, { recursive: true }))
  const memory = createUploadMemory(stateDir)
  const repository = 'https://gateway.example/v2/acme.eth'
  const digest = `sha256:${'ab'.repeat(32)}` as const
  const locations = Array.from({ length: 20 }, (_, at) => `${repository}/blobs/uploads/${at}`)
  await Promise.all(locations.map((location) => memory.remember(repository, digest, location)))
  expect(locations).toContain(await memory.recall(repository, digest))
  expect(await readdir(join(stateDir, 'uploads'))).toHaveLength(1)
})
