import { describe, expect, it } from 'vitest'
import { openFilesContent } from '../../gateway/store/files.ts'
import type { Fs } from '../../gateway/store/fs.ts'
import { createForgettingFs } from './crash/forgetting-fs.ts'
import { fsWithSteps } from './crash/steps.ts'
import { bodyOf, digestOf, readAll, someBytes } from './fixtures.ts'

const folder = '/data/gateway'
const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })

async function filesOf(fs: Fs): Promise<string[]> {
  const names: string[] = []
  const visit = async (path: string) => {
    for (const name of await fs.list(path)) {
      if ((await fs.size(`${path}/${name}`)) === undefined) await visit(`${path}/${name}`)
      else names.push(`${path}/${name}`.slice(folder.length + 1))
    }
  }
  await visit(folder)
  return names.sort()
}

/** Counts the files that are open. */
function countingOpen(fs: Fs): { fs: Fs; open: () => number } {
  let open = 0
  const counted = <F extends { close(): Promise<void> }>(file: F): F => {
    open++
    const close = async () => {
      open--
      await file.close()
    }
    return { ...file, close }
  }
  const openRead: Fs['openRead'] = async (path) => {
    const file = await fs.openRead(path)
    return file && counted(file)
  }
  return { fs: { ...fs, openRead, create: async (path) => counted(await fs.create(path)) }, open: () => open }
}

describe('content in files', () => {
  it('protocol 6: content lies under its digest; parts and temporary files are gone when it does', async () => {
    const fs = createForgettingFs(folder)
    const content = await openFilesContent(folder, fs)
    const bytes = someBytes(100)
    const wide = digestOf(bytes, 'sha512')
    const parts = [
      await content.writePart('upload', bodyOf(bytes.slice(0, 50)), 100),
      await content.writePart('upload', bodyOf(bytes.slice(50)), 100),
    ]
    expect(await filesOf(fs)).toEqual(parts.map(({ partId }) => `parts/upload.${partId}`).sort())
    await content.assemble('upload', parts, wide)
    await content.dropUpload('upload')
    await content.put(digestOf(bytes), bytes)
    const hex = digestOf(bytes).slice(7)
    expect(await filesOf(fs)).toEqual([
      `content/sha256/${hex.slice(0, 2)}/${hex}`,
      `content/sha512/${wide.slice(7, 9)}/${wide.slice(7)}`,
    ])
  })

  it('large content is read into the buffer that its reader brings, and its file is closed at the end', async () => {
    const { fs, open } = countingOpen(createForgettingFs(folder))
    const content = await openFilesContent(folder, fs)
    const bytes = someBytes(700_000)
    await content.put(digestOf(bytes), bytes)
    for (const [first, end] of [
      [0, 700_000],
      [123_456, 600_001],
    ] as const) {
      const stream = await content.read(digestOf(bytes), { first, last: end - 1 })
      const reader = (stream as ReadableStream<Uint8Array>).getReader({ mode: 'byob' })
      const pieces: Uint8Array[] = []
      let buffer = new ArrayBuffer(100_000)
      for (let next = await reader.read(new Uint8Array(buffer)); !next.done; ) {
        pieces.push(next.value.slice())
        buffer = next.value.buffer
        next = await reader.read(new Uint8Array(buffer))
      }
      expect(Buffer.compare(Buffer.concat(pieces), bytes.slice(first, end))).toBe(0)
      expect(open()).toBe(0)
    }
  })

  it('paths come from parsed digests and ids only', async () => {
    const content = await openFilesContent(folder, createForgettingFs(folder))
    const bytes = someBytes(3)
    const escapes = ['../escape', 'a/b', 'a.b', '', '..', 'a\0', 'ü', 'x'.repeat(129)]
    await content.writePart('x'.repeat(128), bodyOf(bytes), 3)
    for (const id of escapes) {
      await expect(content.writePart(id, bodyOf(bytes), 3)).rejects.toThrow(RangeError)
      await expect(content.dropPart('upload', id)).rejects.toThrow(RangeError)
      await expect(content.dropUpload(id)).rejects.toThrow(RangeError)
    }
    const noDigest = 'sha256:../../../../etc/passwd' as ReturnType<typeof digestOf>
    await expect(content.read(digestOf(bytes))).resolves.toBeUndefined()
    await expect(content.read(noDigest)).rejects.toThrow('is not sha256')
    await expect(content.stat(noDigest)).rejects.toThrow('is not sha256')
  })

  it('a full disk at any step: the error comes out, nothing is visible or left, and with room again it works', async () => {
    const bytes = someBytes(2_000)
    const digest = digestOf(bytes)
    const store = async (fs: Fs) => {
      const content = await openFilesContent(folder, fs)
      const first = await content.writePart('upload', bodyOf(bytes.slice(0, 1_000), 300), 9_999)
      const second = await content.writePart('upload', bodyOf(bytes.slice(1_000), 300), 9_999)
      await content.assemble('upload', [first, second], digest)
      await content.dropUpload('upload')
      await content.put(digestOf('manifest'), Buffer.from('manifest'))
    }
    let points = 0
    for (let failing = 1; ; failing++) {
      const disk = createForgettingFs(folder)
      let steps = 0
      const needsRoom = (name: string) => {
        if (/^(create|write|sync|rename)/.test(name) && ++steps === failing) throw full
      }
      const failure = await store(fsWithSteps(disk, needsRoom)).catch((error: unknown) => error)
      if (failure === undefined) break
      points++
      expect(failure).toBe(full)
      const content = await openFilesContent(folder, disk)
      for (const name of await filesOf(disk)) {
        if (name.startsWith('content/'))
          expect([digest.slice(7), digestOf('manifest').slice(7)]).toContain(name.slice(18))
        else if (!/^parts/.test(name)) expect(name).toMatch(/^temporary/)
      }
      if (await content.stat(digest)) expect(digestOf((await readAll(content, digest))!)).toBe(digest)
      await content.sweep([])
      await store(disk)
      expect((await filesOf(disk)).filter((name) => !name.startsWith('content/'))).toEqual([])
    }
    expect(points).toBeGreaterThan(20)
  })

  it('a part or a temporary file whose writing failed is removed at once, not at the next start', async () => {
    const disk = createForgettingFs(folder)
    let isFull = true
    const failing = fsWithSteps(disk, (name) => {
      if (isFull && name.startsWith('write the other half')) throw full
    })
    const content = await openFilesContent(folder, failing)
    const bytes = someBytes(500)
    await expect(content.writePart('upload', bodyOf(bytes), 500)).rejects.toBe(full)
    await expect(content.put(digestOf(bytes), bytes)).rejects.toBe(full)
    expect(await filesOf(disk)).toEqual([])
    isFull = false
    await content.put(digestOf(bytes), bytes)
    expect(await content.stat(digestOf(bytes))).toBe(500)
  })

  it('no file stays open: read to the end, cancelled, never read past a failure, refused, mismatched', async () => {
    const { fs, open } = countingOpen(createForgettingFs(folder))
    const content = await openFilesContent(folder, fs)
    const bytes = someBytes(900_000)
    const digest = digestOf(bytes)
    await content.put(digest, bytes)
    await readAll(content, digest)
    expect(open()).toBe(0)
    const reader = (await content.read(digest))!.getReader()
    await reader.read()
    expect(open()).toBe(1)
    await reader.cancel()
    await (await content.read(digest))!.cancel()
    await expect(content.read(digest, { first: 5, last: 900_000 })).rejects.toThrow(RangeError)
    const parts = [
      await content.writePart('u', bodyOf(bytes), 900_000),
      await content.writePart('u', bodyOf(bytes), 900_000),
    ]
    await expect(content.assemble('u', parts, digest)).rejects.toThrow('expected')
    await expect(content.writePart('u', bodyOf(bytes), 10)).rejects.toThrow('larger')
    expect(open()).toBe(0)
  })

  it('a stored file that became shorter breaks the stream instead of ending it early', async () => {
    const disk = createForgettingFs(folder)
    const openRead: Fs['openRead'] = async (path) => {
      const file = await disk.openRead(path)
      return file && { ...file, read: async (target, at) => (at > 300_000 ? 0 : file.read(target, at)) }
    }
    const content = await openFilesContent(folder, { ...disk, openRead })
    const bytes = someBytes(900_000)
    await content.put(digestOf(bytes), bytes)
    await expect(readAll(content, digestOf(bytes))).rejects.toThrow('ends at')
  })

  it('sweep removes temporary files and parts of no session, and nothing else', async () => {
    const fs = createForgettingFs(folder)
    const content = await openFilesContent(folder, fs)
    const live = await content.writePart('live', bodyOf(someBytes(5)), 5)
    await content.writePart('live', bodyOf(someBytes(5)), 5)
    await content.writePart('dead', bodyOf(someBytes(5)), 5)
    await content.put(digestOf(someBytes(5)), someBytes(5))
    await (await fs.create(`${folder}/temporary/left`)).close()
    expect(await content.sweep([{ uploadId: 'live', partId: live.partId }])).toBe(3)
    expect(await content.assemble('live', [live], digestOf(someBytes(5)))).toEqual({ size: 5 })
    await content.dropUpload('live')
    expect((await filesOf(fs)).filter((name) => !name.startsWith('content/'))).toEqual([])
  })
})
