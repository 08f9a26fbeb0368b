import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createKeySigner, KeyFileError, readKeyFile } from '../../gateway/signer.ts'
import { hashList, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { isSignatureValid } from '../../gateway/tags/signature.ts'
import { addressOf, testDomain, testKeys, testTime } from '../fixtures.ts'

async function keyFile(text: string, mode = 0o600): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-key-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'key')
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}

test('protocol 2.3: a signature is 65 bytes, v 27 or 28, low s, and the address recovers', async () => {
  const signer = createKeySigner(testKeys.owner)
  expect(signer.address).toBe(addressOf(testKeys.owner))
  const list = {
    name: 'acme.eth',
    node: ZERO_HASH,
    owner: signer.address,
    epoch: 0n,
    previous: ZERO_HASH,
    root: ZERO_HASH,
    count: 1n,
    delegations: NO_DELEGATIONS,
    issuedAt: testTime,
    expiresAt: testTime + 1n,
  }
  const halfOrder = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n
  for (let version = 1n; version <= 8n; version++) {
    const signature = await signer.signList(testDomain, { ...list, version })
    expect(signature).toMatch(/^0x[0-9a-f]{128}(1b|1c)$/)
    expect(BigInt(`0x${signature.slice(66, 130)}`) <= halfOrder).toBe(true)
    const hash = hashList(testDomain, { ...list, version })
    expect(await isSignatureValid(signer.address, hash, signature, async () => undefined)).toBe(true)
  }
})

test('a key file holds 0x and 64 hex digits, a final newline or none', async () => {
  for (const text of [testKeys.owner, `${testKeys.owner}\n`, testKeys.owner.toUpperCase().replace('0X', '0x')]) {
    expect(await readKeyFile(await keyFile(text))).toBe(testKeys.owner)
  }
  for (const text of ['', testKeys.owner.slice(2), `${testKeys.owner}0`, `${testKeys.owner} ${testKeys.other}`]) {
    const path = await keyFile(text)
    const error = await readKeyFile(path).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KeyFileError)
    expect(String(error)).toContain(`the key file ${path} does not hold 0x and 64 hex digits`)
    expect(String(error)).not.toContain(testKeys.owner.slice(4, 40))
  }
})

test.skipIf(process.platform === 'win32')('a key file that others may read is refused with the repair', async () => {
  expect(await readKeyFile(await keyFile(testKeys.owner, 0o400))).toBe(testKeys.owner)
  for (const mode of [0o640, 0o604, 0o644, 0o660]) {
    const path = await keyFile(testKeys.owner, mode)
    const message = `the key file ${path} has mode 0${mode.toString(8)}, so others may read it; wanted 0600 (chmod 600 ${path})`
    await expect(readKeyFile(path)).rejects.toThrow(message)
  }
})

test('a missing key file is named, and a number that is no key is refused without showing it', async () => {
  await expect(readKeyFile('/nowhere/key')).rejects.toThrow('cannot read the key file /nowhere/key: ENOENT')
  for (const bad of [`0x${'00'.repeat(32)}`, `0x${'ff'.repeat(32)}`, '0x12'] as const) {
    expect(() => createKeySigner(bad)).toThrow('not a number between 1 and the order')
  }
})
