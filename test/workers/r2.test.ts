import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createR2Content } from '../../gateway/store/r2.ts'
import { contentSuite } from '../store/content-suite.ts'

const open = (copiedBytes: number) => async () => {
  await reset()
  const content = createR2Content(env.BLOBS, { copiedBytes })
  return { content, close: () => content.close() }
}

contentSuite('R2', open(1024 * 1024))
contentSuite('R2, nothing copied', open(0))
