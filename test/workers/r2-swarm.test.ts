import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createR2Content } from '../../gateway/store/r2.ts'
import { swarmContentSuite } from '../store/swarm-content-suite.ts'

swarmContentSuite('R2', async () => {
  await reset()
  return createR2Content(env.BLOBS)
})
