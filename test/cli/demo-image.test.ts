import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { arch, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { buildHelloProgram } from '../../gateway/cli/demo/elf.ts'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import { defaultLimits } from '../../gateway/limits.ts'
import { readManifest } from '../../gateway/oci/manifest.ts'

const image = buildDemoImage('Hello.')

test('image-spec: the index lists two platforms, and everything that is named is there with its size', async () => {
  const { imageIndex, manifests, blobs } = image
  const { children } = await readManifest(imageIndex.bytes, imageIndex.mediaType, defaultLimits)
  expect(children.map(({ digest, size }) => [digest, size])).toEqual(
    manifests.map((one) => [one.digest, one.bytes.length]),
  )
  const named = await Promise.all(manifests.map((one) => readManifest(one.bytes, one.mediaType, defaultLimits)))
  const descriptors = named.flatMap((manifest) => manifest.blobs.map(({ digest, size }) => [digest, size]))
  expect(descriptors).toEqual(blobs.map(({ digest, bytes }) => [digest, bytes.length]))
  const platforms = JSON.parse(new TextDecoder().decode(imageIndex.bytes)).manifests
  expect(platforms.map((one: { platform: object }) => one.platform)).toEqual([
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' },
  ])
})

test('image-spec: diff_ids are the digests of the unzipped layers', () => {
  for (const [config, layer] of [image.blobs.slice(0, 2), image.blobs.slice(2)]) {
    const { rootfs } = JSON.parse(new TextDecoder().decode(config?.bytes))
    const tar = gunzipSync(layer?.bytes ?? new Uint8Array())
    expect(rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(tar).digest('hex')}`])
  }
})

test('the same image has the same digest on every machine', () => {
  expect(image.imageIndex.digest).toBe('sha256:80b2fae647fe0437469d1ec00901e5616e96b9c9da1b4f8944e052b61854f8a4')
  expect(buildDemoImage('Hallo.').imageIndex.digest).not.toBe(image.imageIndex.digest)
})

const architecture = { x64: 'amd64', arm64: 'arm64' }[arch() as string] as 'amd64' | 'arm64' | undefined
const runsHere = platform() === 'linux' && architecture !== undefined

test.skipIf(!runsHere)('the program of this machine’s processor runs and prints its line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-elf-'))
  const file = join(folder, 'hello')
  await writeFile(file, buildHelloProgram(architecture ?? 'amd64', 'Hello.\n'))
  await chmod(file, 0o755)
  expect(execFileSync(file, { encoding: 'utf8' })).toBe('Hello.\n')
  await rm(folder, { recursive: true })
})
