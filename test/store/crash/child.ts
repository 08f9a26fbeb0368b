// Works on the stores in folder argv[2] and kills itself before step argv[3] (0: never), telling each acknowledgement first.
import { writeSync } from 'node:fs'
import { nodeFs } from '../../../gateway/store/fs.ts'
import { openNodeStores } from '../../../gateway/store/node-stores.ts'
import { fsWithSteps, sqlWithSteps } from './steps.ts'
import { publishLists, pushContent, type Told } from './work.ts'

const [, , folder = '', last = '0'] = process.argv
let steps = 0
const step = () => {
  steps++
  if (steps === Number(last)) process.kill(process.pid, 'SIGKILL')
}
const tell = (told: Told) => {
  step()
  writeSync(1, `${JSON.stringify(told)}\n`)
}
const stores = await openNodeStores(folder, {
  fs: fsWithSteps(nodeFs, step),
  aroundSql: (sql) => sqlWithSteps(sql, step),
})
await pushContent(stores, 1, tell)
await publishLists(stores, 1, tell)
await stores.close()
writeSync(2, `${steps}`)
