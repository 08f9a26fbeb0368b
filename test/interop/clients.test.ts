import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { startDockerEngine, whyNoEngine } from './docker-engine.ts'
import { type ImageLayout, makeFolder, makeImageLayout, makeTar } from './image.ts'
import { type Mooring, startMooring } from './mooring.ts'
import { findProgram, run } from './run.ts'

let mooring: Mooring
const folders: string[] = []

beforeAll(async () => {
  mooring = await startMooring()
})

afterAll(async () => {
  await mooring?.stop()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** On a machine of the project everything is installed; elsewhere what is missing is skipped, and says so. */
function skip(context: TestContext, reason: string): never {
  if (process.env.CI === 'true') throw new Error(reason)
  return context.skip(reason)
}

function findClient(context: TestContext, name: string, install: string): string {
  return findProgram(name) ?? skip(context, `${name} is not installed (${install})`)
}

const goTools = 'cd test/interop/tools && GOBIN=$PWD/bin go install tool'

function newFolder(): string {
  const folder = makeFolder()
  folders.push(folder)
  return folder
}

/** Every blob and manifest of a layout is in another one, byte for byte. */
function expectSameContent(copy: string, layout: ImageLayout): void {
  for (const digest of layout.digests) {
    const bytes = readFileSync(join(copy, 'blobs', digest.replace(':', '/')))
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest)
  }
}

async function expectResolves(nameAndTag: string, digest: string): Promise<void> {
  expect(await mooring.resolve(nameAndTag)).toMatchObject({ status: 'present', digest, viaEns: digest, error: null })
}

test('docker: push, remove, pull gives the same image; an index pulls; ENS gives the pushed digest', async (context) => {
  const reason = whyNoEngine()
  if (reason) skip(context, reason)
  const engine = await startDockerEngine()
  try {
    const image = `${mooring.host}/demo.eth/docker:1`
    const id = (await engine.docker('import', await makeTar(newFolder(), 'pushed by docker\n'), image)).trim()
    const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await engine.docker('push', image))?.[1]
    await engine.docker('rmi', image)
    expect(await engine.docker('image', 'ls', '--quiet')).toBe('')
    expect(await engine.docker('pull', image)).toContain(pushed)
    expect((await engine.docker('image', 'inspect', '--format', '{{.Id}}', image)).trim()).toBe(id)
    await expectResolves('docker.demo.eth:1', pushed ?? '')
    const manifest = JSON.parse(await engine.docker('manifest', 'inspect', '--insecure', image))
    expect(manifest.config.digest).toBe(id)
    await engine.docker('pull', `${mooring.host}/demo.eth/docker@${pushed}`)
    const refused = await engine.docker('pull', `${mooring.host}/demo.eth/docker:none`).catch((error: Error) => error)
    expect(String(refused)).toMatch(/manifest unknown|not found/)
  } finally {
    await engine.stop()
  }
})

test('docker: a multi-platform image that another client pushed pulls for one platform', async (context) => {
  const reason = whyNoEngine()
  if (reason) skip(context, reason)
  const skopeo = findClient(context, 'skopeo', 'Debian: apt-get install skopeo')
  const layout = await makeImageLayout(newFolder(), 'for docker')
  const image = `${mooring.host}/demo.eth/docker-index:1`
  await run(skopeo, ['copy', '--all', '--dest-tls-verify=false', `oci:${layout.folder}:1`, `docker://${image}`])
  const engine = await startDockerEngine()
  try {
    expect(await engine.docker('pull', '--platform', 'linux/arm64', image)).toContain(layout.digest)
    const platform = await engine.docker('image', 'inspect', '--format', '{{.Os}}/{{.Architecture}}', image)
    expect(platform.trim()).toBe('linux/arm64')
    const index = JSON.parse(await engine.docker('manifest', 'inspect', '--insecure', image))
    expect(index.manifests.map(({ digest }: { digest: string }) => digest)).toContain(layout.amd64)
  } finally {
    await engine.stop()
  }
})

test('skopeo: copy --all of an index there and back keeps every byte', async (context) => {
  const skopeo = findClient(context, 'skopeo', 'Debian: apt-get install skopeo')
  const layout = await makeImageLayout(newFolder(), 'by skopeo')
  const image = `docker://${mooring.host}/demo.eth/skopeo:1`
  const copy = newFolder()
  await run(skopeo, ['copy', '--all', '--dest-tls-verify=false', `oci:${layout.folder}:1`, image])
  await run(skopeo, ['copy', '--all', '--src-tls-verify=false', image, `oci:${copy}:1`])
  expectSameContent(copy, layout)
  const tags = JSON.parse(await run(skopeo, ['list-tags', '--tls-verify=false', image.replace(/:1$/, '')]))
  expect(tags.Tags).toEqual(['1'])
  await expectResolves('skopeo.demo.eth:1', layout.digest)
})

test('crane: push and pull of an index, copy to another repository, validate', async (context) => {
  const crane = findClient(context, 'crane', goTools)
  const layout = await makeImageLayout(newFolder(), 'by crane')
  const image = `${mooring.host}/demo.eth/crane`
  const copy = newFolder()
  await run(crane, ['push', '--index', layout.folder, `${image}:layout`])
  await run(crane, ['copy', `${image}@${layout.digest}`, `${mooring.host}/demo.eth/crane/copy:1`])
  await run(crane, ['tag', `${image}@${layout.amd64}`, 'amd64'])
  await run(crane, ['validate', '--remote', `${mooring.host}/demo.eth/crane/copy:1`])
  await run(crane, ['pull', '--format=oci', `${mooring.host}/demo.eth/crane/copy:1`, copy])
  expectSameContent(copy, layout)
  expect((await run(crane, ['ls', image])).trim().split('\n')).toEqual(['amd64', 'layout'])
  await expectResolves('copy.crane.demo.eth:1', layout.digest)
})

test('oras: an artifact and an image layout there and back', async (context) => {
  const oras = findClient(context, 'oras', goTools)
  const image = `${mooring.host}/demo.eth/oras`
  const [source, target, copy] = [newFolder(), newFolder(), newFolder()] as const
  writeFileSync(join(source, 'note.txt'), 'an artifact\n')
  const type = ['--artifact-type', 'application/vnd.example.note']
  await run(oras, ['push', '--plain-http', ...type, `${image}:note`, 'note.txt:text/plain'], { cwd: source })
  await run(oras, ['pull', '--plain-http', `${image}:note`], { cwd: target })
  expect(readFileSync(join(target, 'note.txt'), 'utf8')).toBe('an artifact\n')
  const layout = await makeImageLayout(newFolder(), 'by oras')
  await run(oras, ['copy', '--from-oci-layout', '--to-plain-http', `${layout.folder}:1`, `${image}:1`])
  await run(oras, ['copy', '--from-plain-http', '--to-oci-layout', `${image}:1`, `${copy}:1`])
  expectSameContent(copy, layout)
  expect((await run(oras, ['resolve', '--plain-http', `${image}:1`])).trim()).toBe(layout.digest)
  await expectResolves('oras.demo.eth:1', layout.digest)
})

test('regctl: copies a layout there and back', async (context) => {
  const regctl = findClient(context, 'regctl', goTools)
  const layout = await makeImageLayout(newFolder(), 'by regctl')
  const image = `${mooring.host}/demo.eth/regctl:1`
  const copy = newFolder()
  const env = { REGCTL_CONFIG: join(newFolder(), 'config.json') }
  await run(regctl, ['registry', 'set', mooring.host, '--tls', 'disabled'], { env })
  await run(regctl, ['image', 'copy', `ocidir://${layout.folder}:1`, image], { env })
  await run(regctl, ['image', 'copy', image, `ocidir://${copy}:1`], { env })
  expectSameContent(copy, layout)
  expect((await run(regctl, ['image', 'digest', image], { env })).trim()).toBe(layout.digest)
  await expectResolves('regctl.demo.eth:1', layout.digest)
})

test('a TLS ClientHello on the plain port is answered with HTTP 400, not with a closed socket', async () => {
  const clientHello = Buffer.from('160301002f0100002b0303'.padEnd(104, '0'), 'hex')
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(mooring.port, 'localhost', () => socket.write(clientHello))
    let received = ''
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(received))
  })
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect((await fetch(`${mooring.gateway}/v2/`)).status).toBe(200)
})
