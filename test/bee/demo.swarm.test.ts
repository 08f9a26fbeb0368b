import { expect, test } from 'vitest'
import { commandToEnd } from '../cli/command.ts'
import { openNodeUnderTest } from './node-under-test.ts'

const which = process.env.BEE_URL ? 'real Bee' : 'fake Bee'

test(`${which}, mooring dev --bee: a push, an upload, a pull from Swarm alone and a recover`, async () => {
  const { beeUrl, postageBatchId, stop } = await openNodeUnderTest()
  const ports = ['--port', '0', '--rpc-port', '0']
  const paid = ['--bee', beeUrl, '--postage-batch', postageBatchId]
  const { code, out, err } = await commandToEnd(['dev', '--once', '--json', ...ports, ...paid])
  const { ok, steps } = JSON.parse(out) as { ok: boolean; steps: { name: string; ok: boolean; detail: string }[] }
  expect([code, ok], err).toEqual([0, true])
  expect(steps.map(({ name }) => name).slice(-3)).toEqual(['upload', 'cold', 'recover'])
  expect(steps.at(-1)?.detail).toContain('2 tags, 3 manifests, 4 blobs from chain and Swarm alone')
  await stop()
})
