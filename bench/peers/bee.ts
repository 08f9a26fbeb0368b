import { openNodeUnderTest } from '../../test/bee/node-under-test.ts'

// The Bee node at BEE_URL with a batch of it, or a fake in this process. Prints {beeUrl, postageBatchId, isReal} and stays.

const { beeUrl, postageBatchId, fake } = await openNodeUnderTest()
process.stdout.write(`${JSON.stringify({ beeUrl, postageBatchId, isReal: fake === undefined })}\n`)
setInterval(() => {}, 60_000)
