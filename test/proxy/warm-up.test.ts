import { expect, test } from 'vitest'
import { warmUp } from '../../gateway/cli/proxy/warm-up.ts'

test('the proxy warms up on a signature that holds by the rule of protocol 2.3', async () => {
  expect(await warmUp()).toBe(true)
})
